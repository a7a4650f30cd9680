"""Owns: planted bugs of the broker: what is answered before it is durable, what is forgotten over a restart."""

from __future__ import annotations

from functools import partial
from typing import Any

from streamz_core.broker.broker import Broker
from streamz_core.broker.flusher import Flusher
from streamz_core.broker.groups.live_group import LiveGroup
from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.groups.offsets_log import OffsetsLog
from streamz_core.broker.producer_ids import ProducerIds
from streamz_core.broker.transactions import coordinator, end_decisions, recovery
from streamz_core.broker.transactions.ending import Ending
from streamz_core.errors import ErrorCode
from tests.crash.group_scene import GroupScene
from tests.crash.planting import Bug, broker_crash, instead, later_nothing, nothing, replace
from tests.crash.produce_scene import ProduceScene
from tests.crash.transaction_scene import TransactionScene


def _begins_anew(original: Any) -> Any:
    def init(self: ProducerIds, owner_epoch: int) -> None:
        original(self, 1)

    return init


def _keeps_the_first(_: Any) -> Any:
    return lambda self, partition, committed: self._committed.setdefault(partition, committed)


def _answered_at_once(_: Any) -> Any:
    async def await_stored(self: LiveGroup, generation_id: int, record_offset: int) -> None:
        self._stored(generation_id, ErrorCode.NONE)

    return await_stored


def _not_written_down(_: Any) -> Any:
    async def decide(self: Ending, live: Any, undecided: Any) -> ErrorCode:
        return ErrorCode.NONE

    return decide


def _always_committed(original: Any) -> Any:
    def ended(transaction: Any, new_producer_id: int, now_ms: int, *, is_committed: bool) -> Any:
        return original(transaction, new_producer_id, now_ms, is_committed=True)

    return ended


BROKER_BUGS = (
    Bug(
        "a produce is acknowledged before it is durable",
        replace(Flusher, "request", nothing),
        broker_crash(ProduceScene),
    ),
    Bug(
        "producer ids begin anew with each owner",
        replace(ProducerIds, "__init__", _begins_anew),
        broker_crash(ProduceScene),
    ),
    Bug(
        "a commit of offsets is answered before it is durable",
        replace(Flusher, "durable", later_nothing),
        broker_crash(GroupScene),
    ),
    Bug(
        "an older offset of a group overwrites a newer one",
        replace(GroupOffsets, "_commit", _keeps_the_first),
        broker_crash(GroupScene),
    ),
    Bug(
        "a generation is handed out before it is durable",
        replace(LiveGroup, "_await_stored", _answered_at_once),
        broker_crash(GroupScene),
    ),
    Bug(
        "a deleted group leaves no tombstones",
        replace(OffsetsLog, "write_tombstones", nothing),
        broker_crash(GroupScene),
    ),
    Bug(
        "offsets of a committed transaction are dropped",
        replace(GroupOffsets, "resolve", nothing),
        broker_crash(TransactionScene, 7),
    ),
    Bug(
        "markers are written without the decision",
        replace(Ending, "_decide_durably", _not_written_down),
        broker_crash(TransactionScene, 3),
    ),
    Bug(
        "a transaction is decided before its records are durable",
        replace(Broker, "durable_all", later_nothing),
        broker_crash(partial(TransactionScene, acks=1), 3),
    ),
    Bug(
        "what was decided before a crash is not finished",
        replace(coordinator, "DECIDED", instead(frozenset())),
        broker_crash(TransactionScene, 3),
    ),
    Bug(
        "an aborted transaction is committed",
        replace(end_decisions, "ended", _always_committed),
        broker_crash(TransactionScene, 7),
    ),
    Bug(
        "a marker that was written is written again into the next transaction",
        replace(recovery, "_with_known_end", instead(lambda owner, *_args: owner)),
        broker_crash(TransactionScene, 1),
    ),
)
