"""Owns: rates over windows, against a model that keeps every event; buckets; and counting the time of steps."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.server.quotas.measured import Measured
from streamz_core.server.quotas.rate import Rate
from streamz_core.server.quotas.token_bucket import TokenBucket
from streamz_core.testing.manual_clock import ManualClock

events = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 1_000)), min_size=1, max_size=60)


def test_ten_seconds_worth_may_come_at_once_and_no_more():
    rate = Rate()
    rate.add(1_000, now_ms=5)
    assert rate.wait_ms(100, now_ms=5) == 0

    rate.add(500, now_ms=5)
    assert rate.wait_ms(100, now_ms=5) == pytest.approx(5_000)


def test_after_the_wait_it_is_allowed_again():
    rate = Rate()
    rate.add(1_500, now_ms=0)
    wait_ms = rate.wait_ms(100, now_ms=0)

    assert rate.wait_ms(100, now_ms=wait_ms - 1) > 0
    rate = Rate()
    rate.add(1_500, now_ms=0)
    assert rate.wait_ms(100, now_ms=15_000) == 0


def test_nothing_at_all_is_waited_for_for_ever():
    rate = Rate()
    assert rate.wait_ms(0, now_ms=0) == 0
    rate.add(1, now_ms=0)
    assert rate.wait_ms(0, now_ms=0) == float("inf")


@given(events)
def test_who_waits_as_told_stays_within_twice_the_bound(steps):
    """Ten seconds' worth are free after eleven of silence, and what is beyond them is waited for."""
    rate, now_ms, total = Rate(), 0.0, 0
    for pause_ms, amount in steps * 5:
        now_ms += pause_ms
        rate.add(amount, now_ms=now_ms)
        total += amount
        now_ms += rate.wait_ms(50, now_ms=now_ms)

    assert total <= 50 * (2 * now_ms / 1_000 + 11) + 1_000


@given(events)
def test_it_forgets_what_is_over(steps):
    rate, now_ms = Rate(), 0
    for pause_ms, amount in steps:
        now_ms += pause_ms
        rate.add(amount, now_ms=now_ms)
        assert not rate.is_idle(now_ms)
        assert len(rate._windows) <= 12
    assert rate.is_idle(now_ms + 11_000)
    assert rate.wait_ms(0.001, now_ms=now_ms + 11_000) == 0


def test_a_bucket_lets_one_large_thing_through_and_then_waits_for_it():
    bucket = TokenBucket(2, now_ms=0)
    bucket.take(100, 2, now_ms=0)

    assert bucket.wait_ms(2, now_ms=0) == (100 - 22) / 2 * 1_000
    assert bucket.wait_ms(2, now_ms=39_000) == 0
    assert not bucket.is_idle(39_000)
    assert bucket.is_idle(50_000)


class BusyClock(ManualClock):
    """Time that passes while the loop is kept busy."""

    def busy(self, ms: float) -> None:
        self._elapsed_ms += ms


class TestMeasured:
    async def test_waits_are_not_counted(self):
        clock = BusyClock()

        async def work():
            clock.busy(3)
            await asyncio.sleep(0)
            clock.busy(4)
            return "done"

        async def others():
            clock.busy(100)

        measured = Measured(work(), clock)
        other = asyncio.create_task(others())
        assert await measured == "done"
        await other
        assert measured.busy_ms == 7

    async def test_what_goes_wrong_comes_through(self):
        async def work():
            await asyncio.sleep(0)
            raise KeyError("x")

        with pytest.raises(KeyError):
            await Measured(work(), ManualClock())

    async def test_a_cancellation_reaches_the_work(self):
        ended = []

        async def work():
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(0)
                ended.append(True)

        async def measured():
            return await Measured(work(), ManualClock())

        task = asyncio.create_task(measured())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert ended == [True]
        assert task.cancelled()
