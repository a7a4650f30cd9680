"""The transaction protocol as a table: every event in every state has one decision.

Owns: ``decide``, and which function decides each (state, event).
Must not know: clocks, files, the event loop: ``coordinator`` carries out what is decided.

The semantics are the final ones of KIP-890: partitions join a transaction by being written to, and every
end of a transaction raises the producer's epoch, so that nothing sent for one can touch the next. Clients
from before it announce their partitions and keep their epoch (``AnnouncePartitions``, ``VerifyPartition``,
``EndKeepingEpoch``), and are served as Kafka serves them.

Source: https://kafka.apache.org/protocol#The_Messages_EndTxn, KIP-98, KIP-360, KIP-447, KIP-890
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamz_core.broker.transactions import end_decisions as end
from streamz_core.broker.transactions import init_decisions as init
from streamz_core.broker.transactions import partition_decisions as partitions
from streamz_core.broker.transactions.events import (
    AddPartition,
    AnnouncePartitions,
    Decision,
    EndKeepingEpoch,
    EndTransaction,
    Event,
    Expired,
    InitProducer,
    MarkersWritten,
    Step,
    TimedOut,
    VerifyPartition,
    refuse,
)
from streamz_core.broker.transactions.state import Transaction, TransactionState
from streamz_core.errors import ErrorCode

Handler = Callable[[Transaction, Any, int], Decision]


def decide(transaction: Transaction, event: Event, now_ms: int) -> Decision:
    """What the transaction becomes through an event, and what to do about it. ``now_ms`` is wall clock."""
    return TABLE[transaction.state, type(event)](transaction, event, now_ms)


def _ignore(transaction: Transaction, event: Event, now_ms: int) -> Decision:
    return Decision(transaction, Step.NOTHING)


def _gone(transaction: Transaction, event: Event, now_ms: int) -> Decision:
    return refuse(transaction, ErrorCode.INVALID_PRODUCER_ID_MAPPING)


_S = TransactionState

_SETTLED: Final[Mapping[type[Event], Handler]] = {
    InitProducer: init.init_settled,
    AddPartition: partitions.begin,
    AnnouncePartitions: partitions.announce_settled,
    VerifyPartition: partitions.verify_closed,
    EndTransaction: end.end_settled,
    EndKeepingEpoch: end.end_settled_keeping_epoch,
    TimedOut: _ignore,
    MarkersWritten: _ignore,
    Expired: end.expire,
}
_ONGOING: Final[Mapping[type[Event], Handler]] = {
    InitProducer: init.init_ongoing,
    AddPartition: partitions.extend,
    AnnouncePartitions: partitions.announce_more,
    VerifyPartition: partitions.verify_ongoing,
    EndTransaction: end.end_ongoing,
    EndKeepingEpoch: end.end_ongoing_keeping_epoch,
    TimedOut: end.time_out,
    MarkersWritten: _ignore,
    Expired: _ignore,
}
_DECIDED: Final[Mapping[type[Event], Handler]] = {
    InitProducer: init.init_decided,
    AddPartition: partitions.add_decided,
    AnnouncePartitions: partitions.announce_decided,
    VerifyPartition: partitions.verify_closed,
    EndTransaction: end.end_decided,
    EndKeepingEpoch: end.end_decided_keeping_epoch,
    TimedOut: _ignore,
    MarkersWritten: end.complete,
    Expired: _ignore,
}
_DEAD: Final[Mapping[type[Event], Handler]] = {
    InitProducer: _gone,
    AddPartition: _gone,
    AnnouncePartitions: _gone,
    VerifyPartition: _gone,
    EndTransaction: _gone,
    EndKeepingEpoch: _gone,
    TimedOut: _ignore,
    MarkersWritten: _ignore,
    Expired: _ignore,
}
_BY_STATE: Final = {
    _S.EMPTY: _SETTLED,
    _S.ONGOING: _ONGOING,
    _S.PREPARE_COMMIT: _DECIDED,
    _S.PREPARE_ABORT: _DECIDED,
    _S.COMPLETE_COMMIT: _SETTLED,
    _S.COMPLETE_ABORT: _SETTLED,
    _S.DEAD: _DEAD,
}

TABLE: Final[Mapping[tuple[TransactionState, type[Event]], Handler]] = {
    (state, event): handler for state, row in _BY_STATE.items() for event, handler in row.items()
}
"""The whole protocol: a pair that is missing here fails ``test_transitions``."""
