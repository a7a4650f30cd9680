"""Which partitions belong to a transaction, in each state.

Owns: the decisions on ``AddPartition``, ``AnnouncePartitions`` and ``VerifyPartition``.
Must not know: clocks, files, the event loop.

Source: KIP-98, KIP-890
"""

from __future__ import annotations

from streamz_core.broker.transactions.end_decisions import is_just_ended
from streamz_core.broker.transactions.events import (
    AddPartition,
    AnnouncePartitions,
    Decision,
    Step,
    VerifyPartition,
    refuse,
)
from streamz_core.broker.transactions.state import Transaction, TransactionState, is_owner, move
from streamz_core.errors import ErrorCode

# V2: partitions join by being written to


def begin(transaction: Transaction, event: AddPartition, now_ms: int) -> Decision:
    """The first write begins the transaction."""
    error = _write_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    begun = move(
        transaction,
        TransactionState.ONGOING,
        now_ms,
        partitions=frozenset({event.partition}),
        started_ms=now_ms,
    )
    return Decision(begun, Step.NOTE)


def extend(transaction: Transaction, event: AddPartition, now_ms: int) -> Decision:
    """Later ones add their partitions to it."""
    error = _write_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    if event.partition in transaction.partitions:
        return Decision(transaction, Step.NOTHING)
    # Not noted down: the decision will name every partition, and until then each partition's own log
    # knows whose transaction is open in it.
    extended = transaction.partitions | {event.partition}
    return Decision(move(transaction, TransactionState.ONGOING, now_ms, partitions=extended), Step.NOTHING)


def add_decided(transaction: Transaction, event: AddPartition, now_ms: int) -> Decision:
    """Nothing joins a transaction that is being ended."""
    error = _write_error(transaction, event)
    return refuse(transaction, ErrorCode.CONCURRENT_TRANSACTIONS if error is None else error)


def _write_error(transaction: Transaction, event: AddPartition | VerifyPartition) -> ErrorCode | None:
    """Why records of this producer do not belong to the present transaction, or None."""
    if is_owner(transaction, event.producer_id, event.producer_epoch):
        return None
    if event.producer_id not in (transaction.producer_id, transaction.previous_producer_id):
        return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    aborted = transaction.state in (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
    is_told = isinstance(event, AddPartition)  # the others do not know this error
    if is_told and aborted and is_just_ended(transaction, event.producer_id, event.producer_epoch):
        # Its transaction timed out. It may abort, which tells it its new epoch, and go on.
        return ErrorCode.TRANSACTION_ABORTABLE
    return ErrorCode.INVALID_PRODUCER_EPOCH


# V1: partitions are announced. The epoch does not tell one transaction from the next, so an announcement
# must be durable before anything of it is: else a commit whose transaction was lost in a power cut would
# look like the last one repeated.


def announce_settled(transaction: Transaction, event: AnnouncePartitions, now_ms: int) -> Decision:
    """The first announcement begins the transaction."""
    error = _announcement_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    begun = move(
        transaction, TransactionState.ONGOING, now_ms, partitions=event.partitions, started_ms=now_ms
    )
    return Decision(begun, Step.STORE)


def announce_more(transaction: Transaction, event: AnnouncePartitions, now_ms: int) -> Decision:
    """Later ones add to it."""
    error = _announcement_error(transaction, event)
    if error is not None:
        return refuse(transaction, error)
    if event.partitions <= transaction.partitions:
        return Decision(transaction, Step.NOTHING)
    extended = transaction.partitions | event.partitions
    return Decision(move(transaction, TransactionState.ONGOING, now_ms, partitions=extended), Step.STORE)


def announce_decided(transaction: Transaction, event: AnnouncePartitions, now_ms: int) -> Decision:
    """The end under way goes first; the client asks again."""
    error = _announcement_error(transaction, event)
    return refuse(transaction, ErrorCode.CONCURRENT_TRANSACTIONS if error is None else error)


def _announcement_error(transaction: Transaction, event: AnnouncePartitions) -> ErrorCode | None:
    if is_owner(transaction, event.producer_id, event.producer_epoch):
        return None
    is_known = event.producer_id == transaction.producer_id
    return ErrorCode.PRODUCER_FENCED if is_known else ErrorCode.INVALID_PRODUCER_ID_MAPPING


def verify_closed(transaction: Transaction, event: VerifyPartition, now_ms: int) -> Decision:
    """Records that come late, when nothing is open: they would hang for ever (KIP-890)."""
    return refuse(transaction, _write_error(transaction, event) or ErrorCode.INVALID_TXN_STATE)


def verify_ongoing(transaction: Transaction, event: VerifyPartition, now_ms: int) -> Decision:
    """Records are taken in partitions that were announced, and in no other."""
    error = _write_error(transaction, event)
    if error is None and event.partition not in transaction.partitions:
        error = ErrorCode.INVALID_TXN_STATE
    return Decision(transaction, Step.NOTHING) if error is None else refuse(transaction, error)
