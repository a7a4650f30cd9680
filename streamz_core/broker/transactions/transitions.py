"""The transaction protocol as a table: every event in every state has one decision.

Owns: ``decide``, and which function decides each (state, event).
Must not know: clocks, files, the event loop: ``coordinator`` carries out what is decided.

The semantics are the final ones of KIP-890: partitions join a transaction by being written to, and every
end of a transaction raises the producer's epoch, so that nothing sent for one can touch the next.

Source: https://kafka.apache.org/protocol#The_Messages_EndTxn, KIP-98, KIP-360, KIP-447, KIP-890
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamz_core.broker.transactions.events import (
    AddPartition,
    Decision,
    EndTransaction,
    Event,
    Expired,
    InitProducer,
    MarkersWritten,
    Step,
    TimedOut,
)
from streamz_core.broker.transactions.state import (
    NO_EPOCH,
    NO_PRODUCER,
    PRODUCER_EPOCH_MAX,
    Transaction,
    TransactionState,
    change,
    move,
)
from streamz_core.errors import ErrorCode

Handler = Callable[[Transaction, Any, int], Decision]


def decide(transaction: Transaction, event: Event, now_ms: int) -> Decision:
    """What the transaction becomes through an event, and what to do about it. ``now_ms`` is wall clock."""
    return TABLE[transaction.state, type(event)](transaction, event, now_ms)


def _refuse(transaction: Transaction, error_code: ErrorCode) -> Decision:
    return Decision(transaction, Step.NOTHING, error_code)


def _ignore(transaction: Transaction, event: Event, now_ms: int) -> Decision:
    return Decision(transaction, Step.NOTHING)


def _gone(transaction: Transaction, event: Event, now_ms: int) -> Decision:
    return _refuse(transaction, ErrorCode.INVALID_PRODUCER_ID_MAPPING)


# InitProducerId


def _may_init(transaction: Transaction, event: InitProducer) -> bool:
    """Whether who asks is nobody in particular, or the present owner, or was until the epochs ran out."""
    if event.producer_id in (NO_PRODUCER, transaction.producer_id):
        return True
    ran_out = event.producer_epoch >= PRODUCER_EPOCH_MAX
    return ran_out and event.producer_id == transaction.previous_producer_id


def _init_settled(transaction: Transaction, event: InitProducer, now_ms: int) -> Decision:
    if not _may_init(transaction, event):
        return _refuse(transaction, ErrorCode.PRODUCER_FENCED)
    is_owner = event.producer_epoch != NO_EPOCH
    if is_owner and event.producer_epoch != transaction.producer_epoch:
        if event.producer_epoch != transaction.last_producer_epoch:
            return _refuse(transaction, ErrorCode.PRODUCER_FENCED)
        # It repeats what it has been given already, or its transaction timed out (KIP-360, KIP-588).
        return Decision(transaction, Step.NOTHING)
    return Decision(_next_epoch(transaction, event, now_ms, is_owner=is_owner), Step.STORE)


def _next_epoch(transaction: Transaction, event: InitProducer, now_ms: int, *, is_owner: bool) -> Transaction:
    """A new epoch, or a new producer id where there is none; without an owner nobody may repeat the last."""
    last_epoch = transaction.producer_epoch if is_owner else NO_EPOCH
    transaction = change(transaction, timeout_ms=event.timeout_ms, last_producer_epoch=last_epoch)
    if transaction.is_exhausted:
        return move(
            transaction,
            TransactionState.EMPTY,
            now_ms,
            producer_id=event.new_producer_id,
            producer_epoch=0,
            previous_producer_id=transaction.producer_id,
        )
    return move(transaction, TransactionState.EMPTY, now_ms, producer_epoch=transaction.producer_epoch + 1)


def _init_ongoing(transaction: Transaction, event: InitProducer, now_ms: int) -> Decision:
    """What the last owner left open is aborted first; nothing it still sends counts any more."""
    if not _may_init(transaction, event):
        return _refuse(transaction, ErrorCode.PRODUCER_FENCED)
    if event.producer_epoch not in (NO_EPOCH, transaction.producer_epoch):
        return _refuse(transaction, ErrorCode.PRODUCER_FENCED)
    ending = _ended(transaction, event.new_producer_id, now_ms, is_committed=False)
    return Decision(ending, Step.END_AND_DECIDE_AGAIN)


def _init_decided(transaction: Transaction, event: InitProducer, now_ms: int) -> Decision:
    if not _may_init(transaction, event):
        return _refuse(transaction, ErrorCode.PRODUCER_FENCED)
    return Decision(transaction, Step.AWAIT_END_AND_DECIDE_AGAIN, ErrorCode.CONCURRENT_TRANSACTIONS)


# Partitions


def _identity_error(transaction: Transaction, event: AddPartition) -> ErrorCode | None:
    """Why records of this producer do not belong to the present transaction, or None."""
    if event.producer_id == transaction.producer_id and event.producer_epoch == transaction.producer_epoch:
        return None
    if event.producer_id not in (transaction.producer_id, transaction.previous_producer_id):
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    aborted = transaction.state in (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
    if aborted and _is_just_ended(transaction, event.producer_id, event.producer_epoch):
        # Its transaction timed out. It may abort, which tells it its new epoch, and go on.
        return ErrorCode.TRANSACTION_ABORTABLE
    return ErrorCode.INVALID_PRODUCER_EPOCH


def _is_just_ended(transaction: Transaction, producer_id: int, producer_epoch: int) -> bool:
    """Whether this identity is the one whose transaction was the last to end, or is ending."""
    if producer_id == transaction.producer_id:
        return producer_epoch == transaction.producer_epoch - 1
    rolled = producer_id == transaction.previous_producer_id and transaction.producer_epoch == 0
    return rolled and producer_epoch == PRODUCER_EPOCH_MAX


def _begin(transaction: Transaction, event: AddPartition, now_ms: int) -> Decision:
    error = _identity_error(transaction, event)
    if error is not None:
        return _refuse(transaction, error)
    begun = move(
        transaction,
        TransactionState.ONGOING,
        now_ms,
        partitions=frozenset({event.partition}),
        started_ms=now_ms,
    )
    return Decision(begun, Step.NOTE)


def _extend(transaction: Transaction, event: AddPartition, now_ms: int) -> Decision:
    error = _identity_error(transaction, event)
    if error is not None:
        return _refuse(transaction, error)
    if event.partition in transaction.partitions:
        return Decision(transaction, Step.NOTHING)
    # Not noted down: the decision will name every partition, and until then each partition's own log
    # knows whose transaction is open in it.
    extended = transaction.partitions | {event.partition}
    return Decision(move(transaction, TransactionState.ONGOING, now_ms, partitions=extended), Step.NOTHING)


def _add_decided(transaction: Transaction, event: AddPartition, now_ms: int) -> Decision:
    error = _identity_error(transaction, event)
    return _refuse(transaction, ErrorCode.CONCURRENT_TRANSACTIONS if error is None else error)


# EndTxn


def _ended(transaction: Transaction, new_producer_id: int, now_ms: int, *, is_committed: bool) -> Transaction:
    """The outcome: from here on the old epoch is worth nothing, in any partition."""
    state = TransactionState.PREPARE_COMMIT if is_committed else TransactionState.PREPARE_ABORT
    return move(
        transaction,
        state,
        now_ms,
        producer_epoch=transaction.producer_epoch + 1,
        last_producer_epoch=transaction.producer_epoch,
        next_producer_id=new_producer_id if transaction.is_exhausted else NO_PRODUCER,
    )


def _end_identity_error(transaction: Transaction, event: EndTransaction) -> ErrorCode | None:
    if event.producer_id == transaction.producer_id and event.producer_epoch == transaction.producer_epoch:
        return None
    if event.producer_id not in (transaction.producer_id, transaction.previous_producer_id):
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    return ErrorCode.PRODUCER_FENCED


def _end_ongoing(transaction: Transaction, event: EndTransaction, now_ms: int) -> Decision:
    error = _end_identity_error(transaction, event)
    if error is not None:
        return _refuse(transaction, error)
    ending = _ended(transaction, event.new_producer_id, now_ms, is_committed=event.is_committed)
    return Decision(ending, Step.END)


def _end_decided(transaction: Transaction, event: EndTransaction, now_ms: int) -> Decision:
    """A repeated request waits for the outcome it asked for; one that asks for the other is told so."""
    if not _is_just_ended(transaction, event.producer_id, event.producer_epoch):
        return _refuse(transaction, _end_identity_error(transaction, event) or ErrorCode.PRODUCER_FENCED)
    is_committed = transaction.state is TransactionState.PREPARE_COMMIT
    if event.is_committed != is_committed:
        return _refuse(transaction, _other_outcome(is_committed=is_committed))
    return Decision(transaction, Step.AWAIT_END_AND_DECIDE_AGAIN, ErrorCode.CONCURRENT_TRANSACTIONS)


def _end_settled(transaction: Transaction, event: EndTransaction, now_ms: int) -> Decision:
    was_committed = transaction.state is TransactionState.COMPLETE_COMMIT
    has_ended = transaction.state is not TransactionState.EMPTY
    if has_ended and _is_just_ended(transaction, event.producer_id, event.producer_epoch):
        if event.is_committed != was_committed:
            return _refuse(transaction, _other_outcome(is_committed=was_committed))
        return Decision(transaction, Step.NOTHING)  # repeated: the answer was lost on the way
    error = _end_identity_error(transaction, event)
    if error is not None:
        return _refuse(transaction, error)
    if event.is_committed:
        return _refuse(transaction, ErrorCode.INVALID_TXN_STATE)
    return Decision(_ended(transaction, event.new_producer_id, now_ms, is_committed=False), Step.END)


def _other_outcome(*, is_committed: bool) -> ErrorCode:
    """A commit of what was aborted (it timed out) can be mended by aborting; the reverse is a bug there."""
    return ErrorCode.INVALID_TXN_STATE if is_committed else ErrorCode.TRANSACTION_ABORTABLE


def _complete(transaction: Transaction, event: MarkersWritten, now_ms: int) -> Decision:
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


# Time


def _time_out(transaction: Transaction, event: TimedOut, now_ms: int) -> Decision:
    ending = _ended(transaction, event.new_producer_id, now_ms, is_committed=False)
    return Decision(ending, Step.END)


def _expire(transaction: Transaction, event: Expired, now_ms: int) -> Decision:
    return Decision(move(transaction, TransactionState.DEAD, now_ms), Step.FORGET)


_EMPTY, _ONGOING, _COMMITTING, _ABORTING, _COMMITTED, _ABORTED, _DEAD = TransactionState

TABLE: Final[Mapping[tuple[TransactionState, type[Event]], Handler]] = {
    (_EMPTY, InitProducer): _init_settled,
    (_EMPTY, AddPartition): _begin,
    (_EMPTY, EndTransaction): _end_settled,
    (_EMPTY, TimedOut): _ignore,
    (_EMPTY, MarkersWritten): _ignore,
    (_EMPTY, Expired): _expire,
    (_ONGOING, InitProducer): _init_ongoing,
    (_ONGOING, AddPartition): _extend,
    (_ONGOING, EndTransaction): _end_ongoing,
    (_ONGOING, TimedOut): _time_out,
    (_ONGOING, MarkersWritten): _ignore,
    (_ONGOING, Expired): _ignore,
    (_COMMITTING, InitProducer): _init_decided,
    (_COMMITTING, AddPartition): _add_decided,
    (_COMMITTING, EndTransaction): _end_decided,
    (_COMMITTING, TimedOut): _ignore,
    (_COMMITTING, MarkersWritten): _complete,
    (_COMMITTING, Expired): _ignore,
    (_ABORTING, InitProducer): _init_decided,
    (_ABORTING, AddPartition): _add_decided,
    (_ABORTING, EndTransaction): _end_decided,
    (_ABORTING, TimedOut): _ignore,
    (_ABORTING, MarkersWritten): _complete,
    (_ABORTING, Expired): _ignore,
    (_COMMITTED, InitProducer): _init_settled,
    (_COMMITTED, AddPartition): _begin,
    (_COMMITTED, EndTransaction): _end_settled,
    (_COMMITTED, TimedOut): _ignore,
    (_COMMITTED, MarkersWritten): _ignore,
    (_COMMITTED, Expired): _expire,
    (_ABORTED, InitProducer): _init_settled,
    (_ABORTED, AddPartition): _begin,
    (_ABORTED, EndTransaction): _end_settled,
    (_ABORTED, TimedOut): _ignore,
    (_ABORTED, MarkersWritten): _ignore,
    (_ABORTED, Expired): _expire,
    (_DEAD, InitProducer): _gone,
    (_DEAD, AddPartition): _gone,
    (_DEAD, EndTransaction): _gone,
    (_DEAD, TimedOut): _ignore,
    (_DEAD, MarkersWritten): _ignore,
    (_DEAD, Expired): _ignore,
}
"""The whole protocol: a pair that is missing here fails ``test_transitions``."""
