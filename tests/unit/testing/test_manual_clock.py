"""Owns: the promises of ``testing.ManualClock``."""

import asyncio

import pytest

from streamz_core.aio.deadline import sleep
from streamz_core.clock import Clock
from streamz_core.testing.manual_clock import ManualClock


async def test_timers_fire_in_order_each_at_its_own_time():
    clock: Clock = ManualClock()
    assert isinstance(clock, ManualClock)
    fired = []
    for delay in (30, 10, 20, 10):
        clock.call_later(delay, lambda delay=delay: fired.append((delay, clock.monotonic_ms())))

    await clock.advance(25)
    assert fired == [(10, 10), (10, 10), (20, 20)]
    assert clock.monotonic_ms() == 25

    await clock.advance(5)
    assert fired[-1] == (30, 30)


async def test_a_timer_set_by_a_task_that_a_timer_woke_fires_in_the_same_advance():
    clock = ManualClock()
    ticks = []

    async def ticking() -> None:
        while True:
            await sleep(clock, 10)
            ticks.append(clock.monotonic_ms())

    task = asyncio.create_task(ticking())
    await clock.advance(35)

    assert ticks == [10, 20, 30]
    task.cancel()


async def test_a_cancelled_timer_does_not_fire():
    clock = ManualClock()
    fired = []
    clock.call_later(10, lambda: fired.append(1)).cancel()

    assert clock.next_timer_ms is None
    await clock.advance(10)
    assert fired == []


async def test_a_delay_of_nothing_runs_without_advancing():
    clock = ManualClock()
    fired = []
    clock.call_later(0, lambda: fired.append(1))

    await clock.settle()

    assert fired == [1]


async def test_the_wall_clock_follows_and_can_jump_alone():
    clock = ManualClock(now_ms=1_000)

    await clock.advance(10.5)
    assert clock.now_ms() == 1_010

    clock.jump_wall(-500)
    assert clock.now_ms() == 510
    assert clock.monotonic_ms() == 10.5
    with pytest.raises(ValueError, match="jump_wall"):
        await clock.advance(-1)


async def test_settle_follows_a_long_chain_of_wakings():
    clock = ManualClock()
    steps = []

    async def chain() -> None:
        for step in range(500):
            await asyncio.sleep(0)
            steps.append(step)

    task = asyncio.create_task(chain())
    await clock.settle()

    assert task.done()
    assert len(steps) == 500


async def test_settle_calls_a_busy_loop_by_its_name(monkeypatch):
    clock = ManualClock()
    monkeypatch.setattr("streamz_core.testing.manual_clock._TURNS_MAX", 50)

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    task = asyncio.create_task(spin())
    with pytest.raises(RuntimeError, match="spins without waiting"):
        await clock.settle()
    task.cancel()


async def test_two_that_settle_do_not_wait_for_each_other():
    clock = ManualClock()

    await asyncio.gather(clock.settle(), clock.settle(), clock.advance(5))


async def test_drive_advances_as_far_as_the_work_needs():
    clock = ManualClock()

    async def work() -> str:
        await sleep(clock, 1_000)
        await sleep(clock, 500)
        return "done"

    assert await clock.drive(work()) == "done"
    assert clock.monotonic_ms() == 1_500


async def test_drive_does_not_wait_for_what_never_comes():
    clock = ManualClock()

    with pytest.raises(TimeoutError, match="something that no timer brings"):
        await clock.drive(asyncio.Event().wait())
    with pytest.raises(TimeoutError, match="more than 10 ms"):
        await clock.drive(sleep(clock, 11), limit_ms=10)
    assert clock.next_timer_ms is None
