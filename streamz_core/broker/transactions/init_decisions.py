"""What InitProducerId means in each state: who may take a transactional id over, and with which identity.

Owns: the decisions on ``InitProducer``.
Must not know: clocks, files, the event loop.

Source: KIP-98, KIP-360, KIP-588
"""

from __future__ import annotations

from streamz_core.broker.transactions.end_decisions import ended
from streamz_core.broker.transactions.events import Decision, InitProducer, Step, refuse
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


def init_settled(transaction: Transaction, event: InitProducer, now_ms: int) -> Decision:
    """Give a new identity, or the same again to an owner that repeats its question."""
    if not _may_init(transaction, event):
        return refuse(transaction, ErrorCode.PRODUCER_FENCED)
    is_owner = event.producer_epoch != NO_EPOCH
    if is_owner and event.producer_epoch != transaction.producer_epoch:
        if event.producer_epoch != transaction.last_producer_epoch:
            return refuse(transaction, ErrorCode.PRODUCER_FENCED)
        # It repeats what it has been given already, or its transaction timed out.
        return Decision(transaction, Step.NOTHING)
    return Decision(_next_epoch(transaction, event, now_ms, is_owner=is_owner), Step.STORE)


def init_ongoing(transaction: Transaction, event: InitProducer, now_ms: int) -> Decision:
    """What the last owner left open is aborted first; nothing it still sends counts any more."""
    if not _may_init(transaction, event):
        return refuse(transaction, ErrorCode.PRODUCER_FENCED)
    if event.producer_epoch not in (NO_EPOCH, transaction.producer_epoch):
        return refuse(transaction, ErrorCode.PRODUCER_FENCED)
    ending = ended(transaction, event.new_producer_id, now_ms, is_committed=False)
    return Decision(ending, Step.END_AND_DECIDE_AGAIN)


def init_decided(transaction: Transaction, event: InitProducer, now_ms: int) -> Decision:
    """An end under way goes first."""
    if not _may_init(transaction, event):
        return refuse(transaction, ErrorCode.PRODUCER_FENCED)
    return Decision(transaction, Step.AWAIT_END_AND_DECIDE_AGAIN, ErrorCode.CONCURRENT_TRANSACTIONS)


def _may_init(transaction: Transaction, event: InitProducer) -> bool:
    """Whether who asks is nobody in particular, or the present owner, or was until the epochs ran out."""
    if event.producer_id in (NO_PRODUCER, transaction.producer_id):
        return True
    ran_out = event.producer_epoch >= PRODUCER_EPOCH_MAX
    return ran_out and event.producer_id == transaction.previous_producer_id


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
