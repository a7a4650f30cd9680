from __future__ import annotations

import asyncio
import errno
import threading
from typing import TYPE_CHECKING, cast

import pytest

from streamz_core.broker.flusher import Flusher
from streamz_core.broker.log_failures import PartitionDeleted, SyncCancelled
from streamz_core.log.errors import StorageFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamz_core.log.partition_log import PartitionLog


class FakeTicket:
    def __init__(self, log: FakeLog, end: int) -> None:
        self.log = log
        self.end = end

    def run(self) -> None:
        self.log.syncs += 1
        self.log.gate.wait(10)
        if self.log.fails:
            raise OSError(self.log.fails, "refused")


class FakeLog:
    """The log as group commit sees it; ``gate`` holds its syncs until a test opens it."""

    topic = "t"
    name = "t-0"

    def __init__(self, partition: int = 0) -> None:
        self.partition = partition
        self.log_end_offset = self.durable_offset = self.high_watermark = 0
        self.syncs = 0
        self.fails = 0  # errno
        self.frozen = False
        self.dropped = asyncio.Event()
        self.gate = threading.Event()
        self.gate.set()

    def prepare_sync(self) -> FakeTicket | None:
        if self.frozen:
            raise StorageFailure("t-0", "fdatasync", "t-0/0.log", OSError(errno.EIO, "EIO"), poisoned=True)
        if self.durable_offset == self.log_end_offset:
            return None
        return FakeTicket(self, self.log_end_offset)

    def complete_sync(self, ticket: FakeTicket) -> None:
        self.durable_offset = self.high_watermark = ticket.end

    def fail_sync(self, ticket: FakeTicket, error: OSError) -> StorageFailure:
        self.frozen = error.errno != errno.EMFILE
        return StorageFailure("t-0", "syncing", "t-0/0.log", error, poisoned=self.frozen)

    def drop_sync(self, ticket: FakeTicket) -> None:
        self.dropped.set()

    def written(self) -> PartitionLog:
        self.log_end_offset += 1
        return cast("PartitionLog", self)


@pytest.fixture
async def flusher() -> AsyncIterator[Flusher]:
    flusher = Flusher(blocks=True, threads=2, on_durable=lambda log: None)
    yield flusher
    flusher.close()


async def test_waiters_of_one_turn_share_one_sync(flusher: Flusher) -> None:
    log = FakeLog()

    await asyncio.gather(*(flusher.durable(log.written(), number + 1) for number in range(50)))

    assert log.durable_offset == 50
    assert log.syncs == 1


async def test_who_comes_during_a_sync_shares_the_next(flusher: Flusher) -> None:
    log = FakeLog()
    log.gate.clear()
    first = asyncio.create_task(flusher.durable(log.written(), 1))
    while log.syncs == 0:
        await asyncio.sleep(0)

    late = [asyncio.create_task(flusher.durable(log.written(), 2 + number)) for number in range(20)]
    await asyncio.sleep(0)
    log.gate.set()
    await asyncio.gather(first, *late)

    assert log.syncs == 2


async def test_nothing_is_synced_for_what_is_durable_already(flusher: Flusher) -> None:
    log = FakeLog()
    await flusher.durable(log.written(), 1)

    assert flusher.request(cast("PartitionLog", log), 1) is None
    assert log.syncs == 1


async def test_visible_waits_for_what_holds_the_high_watermark_back(flusher: Flusher) -> None:
    log = FakeLog()
    log.gate.clear()
    waiting = asyncio.create_task(flusher.visible(log.written(), 1))
    while log.syncs == 0:
        await asyncio.sleep(0)
    assert not waiting.done()
    log.gate.set()

    await waiting
    await flusher.visible(cast("PartitionLog", log), 1)

    assert log.syncs == 1


async def test_several_partitions_are_synced_together(flusher: Flusher) -> None:
    logs = [FakeLog(number) for number in range(8)]

    await flusher.durable_all([(log.written(), 1) for log in logs])

    assert [log.syncs for log in logs] == [1] * 8


async def test_a_failed_sync_is_told_to_every_waiter_and_never_tried_again(flusher: Flusher) -> None:
    bad, good = FakeLog(0), FakeLog(1)
    bad.fails = errno.EIO

    waits = [flusher.durable(bad.written(), 1), flusher.durable(bad.written(), 2)]
    outcomes = await asyncio.gather(*waits, flusher.durable(good.written(), 1), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StorageFailure, StorageFailure, type(None)]
    bad.fails = 0
    with pytest.raises(StorageFailure, match="restart"):
        await flusher.durable(cast("PartitionLog", bad), 2)
    assert bad.syncs == 1
    assert good.durable_offset == 1


async def test_for_lack_of_handles_waiters_are_told_and_the_next_flush_tries_again(flusher: Flusher) -> None:
    log = FakeLog()
    flusher.mark_unsynced(log.written())
    log.fails = errno.EMFILE
    with pytest.raises(StorageFailure, match="ulimit -n") as raised:
        await flusher.durable(log.written(), 1)
    assert not raised.value.poisoned
    log.fails = 0
    flusher.flush()
    await flusher.drain()
    assert log.durable_offset == log.log_end_offset


async def test_in_place_too_a_lack_of_handles_is_no_end() -> None:
    flusher = Flusher(blocks=False, threads=1, on_durable=lambda _: None)
    log = FakeLog()
    flusher.mark_unsynced(log.written())
    log.fails = errno.EMFILE
    with pytest.raises(StorageFailure, match="ulimit -n"):
        await flusher.durable(log.written(), 1)
    log.fails = 0
    flusher.flush()
    assert log.durable_offset == log.log_end_offset
    flusher.close()


async def test_the_late_waiters_of_a_failed_sync_fail_too(flusher: Flusher) -> None:
    log = FakeLog()
    log.fails = errno.EIO
    log.gate.clear()
    first = asyncio.create_task(flusher.durable(log.written(), 1))
    while log.syncs == 0:
        await asyncio.sleep(0)
    late = asyncio.create_task(flusher.durable(log.written(), 2))
    await asyncio.sleep(0)
    log.gate.set()

    outcomes = await asyncio.gather(first, late, return_exceptions=True)

    assert all(isinstance(outcome, StorageFailure) for outcome in outcomes)
    assert log.syncs == 1


async def test_a_cancelled_waiter_does_not_disturb_the_others(flusher: Flusher) -> None:
    log = FakeLog()
    log.gate.clear()
    leaving = asyncio.create_task(flusher.durable(log.written(), 1))
    staying = asyncio.create_task(flusher.durable(log.written(), 2))
    while log.syncs == 0:
        await asyncio.sleep(0)
    leaving.cancel()
    log.gate.set()

    await staying

    assert leaving.cancelled()


async def test_in_the_quiet_nothing_is_synced_and_nobody_is_forgotten(flusher: Flusher) -> None:
    log = FakeLog()
    log.gate.clear()
    first = asyncio.create_task(flusher.durable(log.written(), 1))
    while log.syncs == 0:
        await asyncio.sleep(0)

    entered = asyncio.Event()
    leave = asyncio.Event()

    async def be_quiet() -> None:
        async with flusher.quiet(cast("PartitionLog", log)):
            entered.set()
            await leave.wait()

    quiet = asyncio.create_task(be_quiet())
    second = asyncio.create_task(flusher.durable(log.written(), 2))
    await asyncio.sleep(0)
    assert not entered.is_set()
    log.gate.set()
    await entered.wait()
    await first
    for _ in range(5):
        await asyncio.sleep(0)
    assert (log.syncs, second.done()) == (1, False)

    leave.set()
    await second
    await quiet
    assert log.syncs == 2


async def test_a_deleted_partition_tells_its_waiters_and_ignores_its_sync(flusher: Flusher) -> None:
    log = FakeLog()
    log.gate.clear()
    waiting = asyncio.create_task(flusher.durable(log.written(), 1))
    while log.syncs == 0:
        await asyncio.sleep(0)

    flusher.forget(cast("PartitionLog", log))
    log.gate.set()

    with pytest.raises(PartitionDeleted):
        await waiting
    await asyncio.wait_for(log.dropped.wait(), 10)  # or its files would stay open
    assert log.durable_offset == 0


async def test_who_waits_when_the_broker_stops_is_told(flusher: Flusher) -> None:
    log = FakeLog()
    log.gate.clear()
    waiting = asyncio.create_task(flusher.durable(log.written(), 1))
    while log.syncs == 0:
        await asyncio.sleep(0)

    threading.Timer(0.01, log.gate.set).start()
    flusher.close()

    with pytest.raises(SyncCancelled):
        await waiting


@pytest.mark.parametrize("blocks", [True, False])
async def test_who_comes_after_the_broker_stopped_is_told_and_nothing_is_synced(blocks: bool) -> None:
    flusher = Flusher(blocks=blocks, threads=1, on_durable=lambda log: None)
    log = FakeLog()
    flusher.close()

    with pytest.raises(SyncCancelled):
        await flusher.durable(log.written(), 1)

    assert log.syncs == 0


async def test_flush_makes_durable_what_nobody_waits_for() -> None:
    durable: list[PartitionLog] = []
    flusher = Flusher(blocks=True, threads=1, on_durable=durable.append)
    log = FakeLog()
    flusher.mark_unsynced(log.written())

    flusher.flush()
    while not durable:
        await asyncio.sleep(0)
    flusher.flush()
    await asyncio.sleep(0)

    assert log.durable_offset == 1
    assert log.syncs == 1
    flusher.close()


async def test_drain_returns_when_everything_is_durable(flusher: Flusher) -> None:
    bad, good = FakeLog(0), FakeLog(1)
    bad.fails = errno.EIO
    for log in (bad, good):
        flusher.mark_unsynced(log.written())

    await flusher.drain()

    assert good.durable_offset == 1


async def test_files_that_do_not_block_are_synced_in_place() -> None:
    flusher = Flusher(blocks=False, threads=1, on_durable=lambda log: None)
    log = FakeLog()

    assert flusher.request(log.written(), 1) is None
    assert log.durable_offset == 1
    log.fails = errno.EIO
    with pytest.raises(StorageFailure):
        await flusher.durable(log.written(), 2)
    with pytest.raises(StorageFailure):
        await flusher.durable(cast("PartitionLog", log), 2)
    assert log.syncs == 2
