from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.aio.deadline import sleep
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.timers import CronSchedule, Crontab, Timer, zone


async def test_a_timer_keeps_its_beat_however_long_a_call_takes(clock):
    calls = []

    async def work():
        calls.append(clock.monotonic_ms())
        await sleep(clock, 300)

    running = asyncio.create_task(Timer(work, "work", 1_000).run(clock))
    await clock.advance(3_500)
    running.cancel()

    assert calls == [1_000, 2_000, 3_000]


async def test_a_call_longer_than_the_interval_is_not_followed_by_a_burst(clock):
    calls = []

    async def work():
        calls.append(clock.monotonic_ms())
        if len(calls) == 1:
            await sleep(clock, 3_500)

    running = asyncio.create_task(Timer(work, "work", 1_000).run(clock))
    await clock.advance(6_000)
    running.cancel()

    assert calls == [1_000, 4_500, 5_500]


async def test_a_crontab_runs_at_its_minutes(clock):
    calls = []

    async def work():
        calls.append(datetime.fromtimestamp(clock.now_ms() / 1000, tz=UTC).strftime("%H:%M:%S"))

    # 2023-11-14 22:13:20 UTC
    running = asyncio.create_task(Crontab(work, "work", CronSchedule("*/15 * * * *"), UTC).run(clock))
    await clock.advance(timedelta(minutes=35).total_seconds() * 1000)
    running.cancel()

    assert calls == ["22:15:00", "22:30:00", "22:45:00"]


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("30 4 * * *", "2026-01-01 04:30", "2026-01-02 04:30"),
        ("0 0 1 * *", "2026-01-15 00:00", "2026-02-01 00:00"),
        ("0 12 * * 0", "2026-01-01 00:00", "2026-01-04 12:00"),
        ("0 12 * * 7", "2026-01-01 00:00", "2026-01-04 12:00"),
        ("0 0 29 feb *", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("0 0 13 * fri", "2026-01-01 00:00", "2026-01-02 00:00"),
        ("5,10-12 9 * jan-mar mon", "2026-01-05 09:05", "2026-01-05 09:10"),
        ("59/1 23 31 12 *", "2026-01-01 00:00", "2026-12-31 23:59"),
    ],
)
def test_next_times(expression, after, due):
    moment = datetime.strptime(after, "%Y-%m-%d %H:%M")

    assert CronSchedule(expression).next_after(moment).strftime("%Y-%m-%d %H:%M") == due


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["*/7 3-9 * * *", "1 1 1 1 *"]),
)
def test_the_next_time_is_later_and_on_a_minute(moment, expression):
    due = CronSchedule(expression).next_after(moment)

    assert due > moment
    assert (due.second, due.microsecond) == (0, 0)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("* * * *", "has 4 fields instead of 5"),
        ("60 * * * *", "minute '60' is outside 0-59"),
        ("* * * foo *", "month 'foo' is not a number or name"),
        ("*/0 * * * *", "outside"),
        ("5-1 * * * *", "outside"),
    ],
)
def test_crontabs_that_cannot_be(expression, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        CronSchedule(expression)


def test_a_date_that_never_comes_is_named():
    with pytest.raises(ImproperlyConfigured, match="no date"):
        CronSchedule("0 0 31 feb *").next_after(datetime(2026, 1, 1))


def test_an_unknown_time_zone_is_named():
    with pytest.raises(ImproperlyConfigured, match="'Mars/Olympus' is not known"):
        zone("Mars/Olympus")


def test_what_is_no_background_function_is_refused(app):
    with pytest.raises(ImproperlyConfigured, match="timer 'tick' is not an async function"):

        @app.timer(1)
        def tick():
            pass

    with pytest.raises(ImproperlyConfigured, match="task 'lead': on_leader=True is not supported"):

        @app.task(on_leader=True)
        async def lead():
            pass

    with pytest.raises(ImproperlyConfigured, match="at least 1 millisecond"):
        app.timer(0)
