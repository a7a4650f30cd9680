"""What windows have beyond Kafka Streams: calendars, counts, late records, closing without records, aggregates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.aggregations import (
    Collect,
    Count,
    Earliest,
    First,
    Last,
    Latest,
    Max,
    Mean,
    Min,
    Sum,
    TopK,
)
from streamz_core.streams.dsl.calendar_windows import CalendarWindows
from streamz_core.streams.dsl.count_windows import CountWindows
from streamz_core.streams.dsl.emit_strategy import CloseStrategy, EmitStrategy
from streamz_core.streams.dsl.suppressed import BufferConfig, Suppressed
from streamz_core.streams.dsl.windows import SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows

TEN = TimeWindows.of_size_with_no_grace(10)
HOUR_MS = 3_600_000
VIENNA = ZoneInfo("Europe/Vienna")


def shown(table: Any) -> None:
    table.to_stream(lambda key, _value: str(key)).to("out")


def at(zone: ZoneInfo, *when: int) -> int:
    return round(datetime(*when, tzinfo=zone).timestamp() * 1000)  # type: ignore[arg-type]


# -- calendars


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2060, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Europe/Vienna", "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Cairo", "Pacific/Apia"]),
    st.sampled_from(["days", "weeks", "months", "years"]),
)
def test_calendar_windows_hold_their_times_and_leave_no_gap(when: datetime, zone: str, unit: str) -> None:
    windows = getattr(CalendarWindows, unit)(zone)
    timestamp = round(when.timestamp() * 1000)

    (start,) = windows.starts(timestamp)
    end = windows.end(start)

    assert start <= timestamp < end
    assert windows.starts(end - 1) == [start]
    assert windows.starts(end) == [end]


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 7, 1), 24)])
def test_days_are_as_long_as_clocks_make_them(day: tuple[int, ...], hours: int) -> None:
    windows = CalendarWindows.days("Europe/Vienna")
    start = at(VIENNA, *day)

    assert windows.starts(start + 5 * HOUR_MS) == [start]
    assert windows.end(start) - start == hours * HOUR_MS


def test_a_day_is_counted_and_closes_when_the_next_one_begins(bench: Any) -> None:
    windows = CalendarWindows.days("Europe/Vienna")
    daily = bench.stream().group_by_key().windowed_by(windows)
    shown(daily.emit_strategy(EmitStrategy.on_window_close()).count("counts"))
    midnight, next_midnight = at(VIENNA, 2026, 3, 29), at(VIENNA, 2026, 3, 30)

    assert bench.run(("a", "x", midnight), ("a", "x", next_midnight - 1)) == []
    assert bench.run(("a", "x", next_midnight)) == [(f"[a@{midnight}/{next_midnight}]", 2)]


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(Misuse, match="time zone 'Europe/Wien' is not known"):
        CalendarWindows.days("Europe/Wien")


# -- one's own, and unlimited


class Terms:
    """Windows that overlap and are not of one length."""

    grace_ms = 0

    def starts(self, timestamp: int) -> list[int]:
        return [start for start in (0, 10, 40) if start <= timestamp < self.end(start)]

    def end(self, start: int) -> int:
        return {0: 20, 10: 40, 40: 100}[start]


def test_windows_of_ones_own(bench: Any) -> None:
    terms = bench.stream().group_by_key().windowed_by(Terms())
    shown(terms.emit_strategy(EmitStrategy.on_window_close()).count("counts"))

    assert bench.run(("a", "x", 5), ("a", "x", 15), ("a", "x", 20), ("a", "x", 41)) == [
        ("[a@0/20]", 2),
        ("[a@10/40]", 2),
    ]


def test_what_is_no_windows_is_refused(bench: Any) -> None:
    with pytest.raises(Misuse, match="are no windows"):
        bench.stream().group_by_key().windowed_by(timedelta(seconds=1))


def test_an_unlimited_window_begins_and_does_not_end(bench: Any) -> None:
    shown(bench.stream().group_by_key().windowed_by(UnlimitedWindows.of().start_on(10)).count("counts"))

    name = f"[a@10/{(1 << 63) - 1}]"
    assert bench.run(("a", "x", 9), ("a", "x", 10), ("a", "x", 10_000)) == [(name, 1), (name, 2)]


# -- counts


def test_tumbling_windows_by_count_are_told_of_when_full(bench: Any) -> None:
    windows = CountWindows.tumbling(2)
    made = bench.stream().group_by_key().windowed_by(windows).reduce(lambda old, new: old + new, "store")
    made.select_key(lambda key, _value: str(key)).to("out")

    assert bench.run(("a", "A"), ("b", "B"), ("a", "C"), ("a", "D"), ("a", "E")) == [
        ("[a@0/2]", "AC"),
        ("[a@2/4]", "DE"),
    ]


def test_sliding_windows_by_count_hold_the_last_ones(bench: Any) -> None:
    windows = CountWindows.sliding(2)
    made = (
        bench.stream(value_type=int).group_by_key().windowed_by(windows).agg("store", total=Sum(), n=Count())
    )
    made.select_key(lambda key, _value: str(key)).to("out")

    assert bench.run(("a", 1), ("a", 2), ("a", 4), value_type=int) == [
        ("[a@0/1]", {"total": 1, "n": 1}),
        ("[a@0/2]", {"total": 3, "n": 2}),
        ("[a@1/3]", {"total": 6, "n": 2}),
    ]


# -- late records


def test_late_records_go_to_a_topic(bench: Any) -> None:
    shown(bench.stream().group_by_key().windowed_by(TEN).late_to("late").count("counts"))
    bench.run(("a", "x", 1), ("a", "y", 12), ("a", "too late", 3))

    assert bench.output() == [("[a@0/10]", 1), ("[a@10/20]", 1)]
    assert bench.output("late") == [("a", "too late")]
    (late,) = bench.driver.records("late")
    assert late.timestamp == 3
    assert dict(late.headers) == {"window-start": b"0", "window-end": b"10"}


@pytest.mark.parametrize(
    ("windows", "missed"),
    [
        (TEN, "[a@0/10]"),
        (SlidingWindows.of_time_difference_with_no_grace(5), "[a@3/8]"),
        (SessionWindows.of_inactivity_gap_with_no_grace(2), "[a@3/3]"),
    ],
)
@pytest.mark.parametrize("final", [True, False])
def test_late_records_are_a_stream_with_the_window_they_missed(
    bench: Any, windows: Any, missed: str, final: bool
) -> None:
    def take(late: Any) -> None:
        late.select_key(lambda key, _value: str(key)).to("late")

    windowed = bench.stream().group_by_key().windowed_by(windows).late_to(take)
    if final:
        windowed = windowed.emit_strategy(EmitStrategy.on_window_close())
    shown(windowed.count("counts"))
    bench.run(("b", "x", 12), ("a", "too late", 3), ("b", "x", 50))

    assert bench.output("late") == [(missed, "too late")]
    assert bench.output()[0][0].startswith("[b@")


# -- when it is told, and when windows close


def test_updates_are_told_of_every_so_often(bench: Any) -> None:
    every = bench.stream().group_by_key().windowed_by(TimeWindows.of_size_with_no_grace(1_000))
    shown(every.emit_strategy(EmitStrategy.every(100)).count("counts"))

    assert bench.run(("a", "x", 10), ("a", "x", 20), ("b", "x", 90)) == []
    assert bench.run(("a", "x", 100), ("a", "x", 150)) == [("[a@0/1000]", 3), ("[b@0/1000]", 1)]
    bench.driver.advance_wall_clock_time(timedelta(seconds=1))
    bench.driver.advance_wall_clock_time(timedelta(seconds=1))
    assert bench.output()[2:] == [("[a@0/1000]", 4)]


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        (TEN, [("[a@0/10]", 2)]),
        (SessionWindows.of_inactivity_gap_with_no_grace(20), [("[a@1/3]", 2)]),
        (SlidingWindows.of_time_difference_with_no_grace(5), [("[a@0/5]", 2), ("[a@2/7]", 1)]),
    ],
)
@pytest.mark.parametrize("suppressed", [True, False])
def test_windows_close_after_idleness(bench: Any, windows: Any, told: Any, suppressed: bool) -> None:
    idle = CloseStrategy.after_idle(timedelta(seconds=5))
    windowed = bench.stream().group_by_key().windowed_by(windows).close_strategy(idle)
    if suppressed:
        until = Suppressed.until_window_closes(BufferConfig.unbounded())
        shown(windowed.count("counts").suppress(until.with_name("final")))
    else:
        shown(windowed.emit_strategy(EmitStrategy.on_window_close()).count("counts"))

    assert bench.run(("a", "x", 1), ("a", "x", 3)) == []
    bench.driver.advance_wall_clock_time(timedelta(seconds=2))
    assert bench.output() == []
    for _ in range(3):
        bench.driver.advance_wall_clock_time(timedelta(seconds=6))
    assert bench.output() == told


def test_windows_close_by_the_wall_clock(bench: Any) -> None:
    windowed = bench.stream().group_by_key().windowed_by(TimeWindows.of_size_with_no_grace(10_000))
    windowed = windowed.close_strategy(CloseStrategy.wall_clock())
    shown(windowed.emit_strategy(EmitStrategy.on_window_close()).count("counts"))
    start = 1_700_000_000_000

    assert bench.run(("a", "x", start + 1)) == []
    for _ in range(3):
        bench.driver.advance_wall_clock_time(timedelta(seconds=6))
    assert bench.output() == [(f"[a@{start}/{start + 10_000}]", 1)]


@pytest.mark.parametrize(
    "windows",
    [
        TimeWindows.of_size_with_no_grace(10),
        SlidingWindows.of_time_difference_with_no_grace(10),
        SessionWindows.of_inactivity_gap_with_no_grace(10),
    ],
)
def test_one_time_far_ahead_makes_nothing_late(bench: Any, windows: Any) -> None:
    shown(bench.stream().group_by_key().windowed_by(windows).count("counts"))
    now = 1_700_000_000_000

    bench.run(
        ("a", "x", now), ("a", "poison", now * 1000), ("a", "x", now + 1), config={"timestamp_ahead_max": 60}
    )

    assert bench.driver.get_state_store("counts").late_count == 0


# -- aggregates


def test_several_aggregates_at_once(bench: Any) -> None:
    stats = (
        bench.stream(value_type=None)
        .group_by_key()
        .agg(
            "stats",
            n=Count(),
            total=Sum("amount"),
            least=Min("amount"),
            most=Max("amount"),
            mean=Mean("amount"),
            first=First("name"),
            last=Last("name"),
            earliest=Earliest("name", by="at"),
            latest=Latest("name", by="at"),
            names=Collect("name", limit=2),
            top=TopK(2, "name", by="amount"),
            dear=Count(lambda value: True if value["amount"] > 2 else None),
        )
    )
    stats.to_stream().to("out")

    found = bench.run(
        ("k", {"name": "a", "amount": 2, "at": 5}),
        ("k", {"name": "b", "amount": 7, "at": 1}),
        ("k", {"name": "c", "amount": 3, "at": 9}),
        value_type=None,
    )

    assert found[-1][1] == {
        "n": 3,
        "total": 12,
        "least": 2,
        "most": 7,
        "mean": 4.0,
        "first": "a",
        "last": "c",
        "earliest": "b",
        "latest": "c",
        "names": ["a", "b"],
        "top": ["b", "c"],
        "dear": 2,
    }


def test_aggregates_of_sessions_are_joined(bench: Any) -> None:
    sessions = bench.stream(value_type=int).group_by_key().windowed_by(SessionWindows(5, 20))
    shown(sessions.agg("stats", n=Count(), mean=Mean(), names=Collect(), top=TopK(1), last=Last()))

    found = bench.run(("a", 1, 0), ("a", 5, 8), ("a", 3, 4), value_type=int)

    assert found[-1] == ("[a@0/8]", {"n": 3, "mean": 3.0, "names": [1, 5, 3], "top": [5], "last": 3})


def test_agg_without_aggregates_is_refused(bench: Any) -> None:
    grouped = bench.stream().group_by_key()

    with pytest.raises(Misuse, match="needs aggregates"):
        grouped.agg("stats")
    with pytest.raises(Misuse, match="expected Sum"):
        grouped.agg("stats", n=len)
