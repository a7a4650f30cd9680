"""Owns: the promises of ``aio.deadline``, on a manual clock and once on the real one."""

import asyncio

import pytest

from streamz_core.aio.deadline import deadline, sleep, wait_for
from streamz_core.clock import SystemClock
from streamz_core.testing.manual_clock import ManualClock


async def test_sleep_ends_exactly_when_its_time_has_come():
    clock = ManualClock()
    sleeper = asyncio.create_task(sleep(clock, 100))

    await clock.advance(99.9)
    assert not sleeper.done()

    await clock.advance(0.1)
    assert sleeper.done()


async def test_sleep_of_nothing_lets_others_run_and_needs_no_clock():
    clock = ManualClock()
    ran = []
    asyncio.get_running_loop().call_soon(ran.append, 1)

    await sleep(clock, 0)

    assert ran == [1]


async def test_a_cancelled_sleep_leaves_no_timer():
    clock = ManualClock()
    sleeper = asyncio.create_task(sleep(clock, 100))
    await clock.settle()

    sleeper.cancel()
    await clock.settle()

    assert sleeper.cancelled()
    assert clock.next_timer_ms is None


async def test_deadline_cancels_the_body_and_names_what_was_late():
    clock = ManualClock()
    cleaned = []

    async def late() -> None:
        async with deadline(clock, 50, what="the fetch of views-0"):
            try:
                await sleep(clock, 1_000)
            finally:
                cleaned.append(clock.monotonic_ms())

    task = asyncio.create_task(late())
    await clock.advance(50)

    with pytest.raises(TimeoutError, match="the fetch of views-0 took longer than 50 ms"):
        await task
    assert cleaned == [50]


async def test_deadline_met_leaves_no_timer_and_tells_what_remains():
    clock = ManualClock()

    async def quick() -> float | None:
        async with deadline(clock, 50) as limit:
            await sleep(clock, 20)
            return limit.remaining_ms

    assert await clock.drive(quick()) == 30
    assert clock.next_timer_ms is None


async def test_without_a_limit_nothing_is_limited():
    clock = ManualClock()

    async def patient() -> float | None:
        async with deadline(clock, None) as limit:
            await sleep(clock, 10_000)
            return limit.remaining_ms

    assert await clock.drive(patient()) is None


async def test_a_cancellation_from_outside_is_not_a_timeout():
    clock = ManualClock()
    task = asyncio.create_task(wait_for(clock, sleep(clock, 1_000), 500))
    await clock.settle()

    task.cancel()
    await clock.settle()

    assert task.cancelled()
    assert clock.next_timer_ms is None


async def test_the_inner_of_two_deadlines_does_not_answer_for_the_outer():
    clock = ManualClock()

    async def nested() -> None:
        async with deadline(clock, 10, what="outer"), deadline(clock, 500, what="inner"):
            await sleep(clock, 1_000)

    with pytest.raises(TimeoutError, match="outer took longer than 10 ms"):
        await clock.drive(nested())


async def test_an_error_of_the_body_passes_through():
    clock = ManualClock()

    async def broken() -> None:
        async with deadline(clock, 10):
            raise KeyError("x")

    with pytest.raises(KeyError):
        await broken()
    assert clock.next_timer_ms is None


async def test_wait_for_returns_the_result_and_a_shielded_task_survives_giving_up():
    clock = ManualClock()
    work = asyncio.create_task(sleep(clock, 100))

    with pytest.raises(TimeoutError):
        await clock.drive(wait_for(clock, asyncio.shield(work), 10))
    assert not work.done()

    await clock.advance(90)
    assert await wait_for(clock, work, 0) is None


async def test_a_deadline_of_zero_still_lets_ready_work_finish_or_fails():
    clock = ManualClock()

    with pytest.raises(TimeoutError):
        await wait_for(clock, asyncio.Event().wait(), 0)


async def test_the_real_clock_drives_the_same_code():
    clock = SystemClock()

    await sleep(clock, 1)
    with pytest.raises(TimeoutError):
        await wait_for(clock, asyncio.Event().wait(), 1)


class CountingClock(ManualClock):
    """A manual clock that counts its timers."""

    timers = 0

    def call_later(self, delay_ms, callback):
        self.timers += 1
        return super().call_later(delay_ms, callback)


async def test_what_answers_at_once_takes_no_timer():
    clock = CountingClock()

    async def answered() -> str:
        return "here"

    async def refused() -> None:
        raise KeyError("x")

    assert await wait_for(clock, answered(), 10) == "here"
    with pytest.raises(KeyError):
        await wait_for(clock, refused(), 10)
    assert clock.timers == 0


async def test_what_waits_more_than_once_goes_on_where_it_was():
    clock = CountingClock()

    async def patient() -> float:
        await sleep(clock, 10)
        await asyncio.sleep(0)
        await sleep(clock, 20)
        return clock.monotonic_ms()

    started_ms = clock.monotonic_ms()
    assert await clock.drive(wait_for(clock, patient(), 100)) == started_ms + 30
    assert clock.timers == 3
    assert clock.next_timer_ms is None


async def test_what_is_late_may_clean_up_with_waits_of_its_own():
    clock = ManualClock()
    cleaned = []

    async def late() -> None:
        try:
            await sleep(clock, 1_000)
        finally:
            await sleep(clock, 5)
            await sleep(clock, 5)
            cleaned.append(clock.monotonic_ms())

    started_ms = clock.monotonic_ms()
    with pytest.raises(TimeoutError, match="cleaning took longer than 50 ms"):
        await clock.drive(wait_for(clock, late(), 50, what="cleaning"))
    assert cleaned == [started_ms + 60]


async def test_who_answers_its_cancellation_has_answered():
    clock = ManualClock()

    async def stubborn() -> str:
        try:
            await sleep(clock, 1_000)
        except asyncio.CancelledError:
            return "too late"
        return "in time"

    assert await clock.drive(wait_for(clock, stubborn(), 50)) == "too late"
