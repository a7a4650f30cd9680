"""How a transaction ends: by its producer, by time, and when its markers are written.

Owns: the decisions on ``EndTransaction``, ``EndKeepingEpoch``, ``TimedOut``, ``MarkersWritten``, ``Expired``.
Must not know: clocks, files, the event loop.

Source: KIP-98, KIP-890, KIP-1050
"""

from __future__ import annotations

from streamz_core.broker.transactions.events import (
    Decision,
    EndKeepingEpoch,
    EndTransaction,
    Expired,
    MarkersWritten,
    Step,
    TimedOut,
    refuse,
)
from streamz_core.broker.transactions.state import (
    NO_PRODUCER,
    PRODUCER_EPOCH_MAX,
    Transaction,
    TransactionState,
    change,
    is_owner,
    move,
)
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.transaction_version import TransactionVersion


def ended(transaction: Transaction, new_producer_id: int, now_ms: int, *, is_committed: bool) -> Transaction:
    """The outcome, with a new epoch: from here on the old one is worth nothing, in any partition."""
    return move(
        transaction,
        _outcome(is_committed=is_committed),
        now_ms,
        transaction_version=TransactionVersion.V2,
        producer_epoch=transaction.producer_epoch + 1,
        last_producer_epoch=transaction.producer_epoch,
        next_producer_id=new_producer_id if transaction.is_exhausted else NO_PRODUCER,
    )


def is_just_ended(transaction: Transaction, producer_id: int, producer_epoch: int) -> bool:
    """Whether this identity is the one that the last end, or the one under way, took its epoch from."""
    if transaction.transaction_version is not TransactionVersion.V2:
        return False
    if producer_id == transaction.producer_id:
        return producer_epoch == transaction.producer_epoch - 1
    rolled = producer_id == transaction.previous_producer_id and transaction.producer_epoch == 0
    return rolled and producer_epoch == PRODUCER_EPOCH_MAX


def _outcome(*, is_committed: bool) -> TransactionState:
    return TransactionState.PREPARE_COMMIT if is_committed else TransactionState.PREPARE_ABORT


def _is_committed(transaction: Transaction) -> bool:
    return transaction.state in (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)


def _identity_error(transaction: Transaction, event: EndTransaction | EndKeepingEpoch) -> ErrorCode | None:
    if is_owner(transaction, event.producer_id, event.producer_epoch):
        return None
    if event.producer_id not in (transaction.producer_id, transaction.previous_producer_id):
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    return ErrorCode.PRODUCER_FENCED


# V2: every end gives a new epoch


def end_ongoing(transaction: Transaction, event: EndTransaction, now_ms: int) -> Decision:
    """The owner decides."""
    error = _identity_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    ending = ended(transaction, event.new_producer_id, now_ms, is_committed=event.is_committed)
    return Decision(ending, Step.END)


def end_decided(transaction: Transaction, event: EndTransaction, now_ms: int) -> Decision:
    """A repeated request waits for the outcome it asked for; one that asks for the other is told so."""
    if not is_just_ended(transaction, event.producer_id, event.producer_epoch):
        return refuse(transaction, _identity_error(transaction, event) or ErrorCode.PRODUCER_FENCED)
    if event.is_committed != _is_committed(transaction):
        return refuse(transaction, _other_outcome(transaction))
    return Decision(transaction, Step.AWAIT_END_AND_DECIDE_AGAIN, ErrorCode.CONCURRENT_TRANSACTIONS)


def end_settled(transaction: Transaction, event: EndTransaction, now_ms: int) -> Decision:
    """A repeated request is told the same; an abort of nothing gives a new epoch all the same."""
    has_ended = transaction.state is not TransactionState.EMPTY
    if has_ended and is_just_ended(transaction, event.producer_id, event.producer_epoch):
        if event.is_committed != _is_committed(transaction):
            return refuse(transaction, _other_outcome(transaction))
        return Decision(transaction, Step.NOTHING)  # repeated: the answer was lost on the way
    error = _identity_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    if event.is_committed:
        return refuse(transaction, ErrorCode.INVALID_TXN_STATE)
    return Decision(ended(transaction, event.new_producer_id, now_ms, is_committed=False), Step.END)


def _other_outcome(transaction: Transaction) -> ErrorCode:
    """A commit of what was aborted (it timed out) can be mended by aborting; the reverse is a bug there.

    Kafka answers INVALID_TXN_STATE to both, which ends the producer for no more than a slow transaction.
    """
    return ErrorCode.INVALID_TXN_STATE if _is_committed(transaction) else ErrorCode.TRANSACTION_ABORTABLE


# V1: the epoch stays, so a repeated request looks like one on nothing


def end_ongoing_keeping_epoch(transaction: Transaction, event: EndKeepingEpoch, now_ms: int) -> Decision:
    """The owner decides."""
    error = _identity_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    outcome = _outcome(is_committed=event.is_committed)
    return Decision(move(transaction, outcome, now_ms, transaction_version=TransactionVersion.V1), Step.END)


def end_decided_keeping_epoch(transaction: Transaction, event: EndKeepingEpoch, now_ms: int) -> Decision:
    """A repeated request waits for the outcome it asked for."""
    error = _identity_error(transaction, event)
    if error is None and event.is_committed != _is_committed(transaction):
        error = ErrorCode.INVALID_TXN_STATE
    if error is not None:
        return refuse(transaction, error)
    return Decision(transaction, Step.AWAIT_END_AND_DECIDE_AGAIN, ErrorCode.CONCURRENT_TRANSACTIONS)


def end_settled_keeping_epoch(transaction: Transaction, event: EndKeepingEpoch, now_ms: int) -> Decision:
    """Only the last outcome can be asked for again."""
    error = _identity_error(transaction, event)
    has_ended = transaction.state is not TransactionState.EMPTY
    if error is None and not (has_ended and event.is_committed == _is_committed(transaction)):
        error = ErrorCode.INVALID_TXN_STATE
    return Decision(transaction, Step.NOTHING) if error is None else refuse(transaction, error)


# Markers and time


def complete(transaction: Transaction, event: MarkersWritten, now_ms: int) -> Decision:
    """The outcome is everywhere."""
    is_committed = transaction.state is TransactionState.PREPARE_COMMIT
    state = TransactionState.COMPLETE_COMMIT if is_committed else TransactionState.COMPLETE_ABORT
    completed = move(transaction, state, now_ms, partitions=frozenset())
    if transaction.next_producer_id != NO_PRODUCER:
        completed = change(
            completed,
            producer_id=transaction.next_producer_id,
            producer_epoch=0,
            previous_producer_id=transaction.producer_id,
            next_producer_id=NO_PRODUCER,
        )
    return Decision(completed, Step.NOTE)


def time_out(transaction: Transaction, event: TimedOut, now_ms: int) -> Decision:
    """Aborted with a new epoch, whatever its client speaks: what that still sends must not count."""
    return Decision(ended(transaction, event.new_producer_id, now_ms, is_committed=False), Step.END)


def expire(transaction: Transaction, event: Expired, now_ms: int) -> Decision:
    """Forgotten."""
    return Decision(move(transaction, TransactionState.DEAD, now_ms), Step.FORGET)
