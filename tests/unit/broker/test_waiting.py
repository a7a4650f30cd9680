from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from streamz_core.broker.waiting import Waits
from streamz_core.testing.manual_clock import ManualClock

if TYPE_CHECKING:
    from streamz_core.log.partition_log import PartitionLog


def _log() -> PartitionLog:
    return cast("PartitionLog", object())


async def test_a_notified_partition_wakes_its_watch_and_no_other() -> None:
    waits, clock, mine, other = Waits(), ManualClock(), _log(), _log()

    async def wait_for(log: PartitionLog) -> frozenset[PartitionLog]:
        with waits.watch([log]) as watch:
            return await watch.changed(clock, until_ms=1_000)

    woken, asleep = asyncio.create_task(wait_for(mine)), asyncio.create_task(wait_for(other))
    await clock.settle()
    waits.notify(mine)
    await clock.settle()

    assert woken.result() == {mine}
    assert not asleep.done()
    await clock.advance(1_000)
    assert asleep.result() == frozenset()


async def test_what_is_notified_before_the_wait_is_not_lost() -> None:
    waits, clock, log = Waits(), ManualClock(), _log()

    with waits.watch([log]) as watch:
        waits.notify(log)
        assert await watch.changed(clock, until_ms=1_000) == {log}
        assert await watch.changed(clock, until_ms=0) == frozenset()


async def test_two_watches_of_one_partition_are_both_woken() -> None:
    waits, clock, log = Waits(), ManualClock(), _log()

    with waits.watch([log]) as first, waits.watch([log]) as second:
        waits.notify(log)
        assert await first.changed(clock, 1_000) == {log}
        assert await second.changed(clock, 1_000) == {log}
    assert len(waits) == 0


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    waits, clock, log = Waits(), ManualClock(), _log()

    async def wait() -> None:
        with waits.watch([log, log]) as watch:
            await watch.changed(clock, until_ms=1_000)

    task = asyncio.create_task(wait())
    await clock.settle()
    assert len(waits) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(waits) == 0
    assert clock.next_timer_ms is None


async def test_the_end_wakes_everybody_for_good() -> None:
    waits, clock, log = Waits(), ManualClock(), _log()

    with waits.watch([log]) as watch:
        waiting = asyncio.create_task(watch.changed(clock, until_ms=1_000))
        await clock.settle()
        waits.end()
        assert await waiting == frozenset()
        assert await watch.changed(clock, until_ms=1_000) == frozenset()
    with waits.watch([log]) as late:
        assert await late.changed(clock, until_ms=1_000) == frozenset()
