"""Several grouped streams aggregated into one windowed table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.streams import CountWindows, EmitStrategy, SessionWindows, SlidingWindows, TimeWindows
from tests.unit.streams.dsl.conftest import Bench


def cogrouped(bench: Bench) -> Any:
    """Each row is noted with its topic."""
    one = bench.stream().group_by_key()
    other = bench.stream("other").group_by_key()
    first = one.cogroup(lambda key, value, total: f"{total} in{value}")
    return first.cogroup(other, lambda key, value, total: f"{total} other{value}")


def shown(key: Any, _value: Any) -> str:
    return f"{key.key}@{key.window.start}/{key.window.end}"


def test_the_rows_of_both_streams_are_in_one_window(bench: Bench) -> None:
    table = cogrouped(bench).windowed_by(TimeWindows.of_size_with_no_grace(10)).aggregate(str, "both")
    table.to_stream(shown).to("out")

    bench.run(("k", "a", 1))
    bench.pipe("other", ("k", "b", 9), ("k", "c", 10))

    assert bench.run(("k", "d", 11)) == [
        ("k@0/10", " ina"),
        ("k@0/10", " ina otherb"),
        ("k@10/20", " otherc"),
        ("k@10/20", " otherc ind"),
    ]


def test_a_row_without_value_counts_in_time_windows_and_sessions(bench: Bench) -> None:
    grouped = cogrouped(bench)
    grouped.windowed_by(TimeWindows.of_size_with_no_grace(10)).aggregate(str, "time").to_stream(shown).to(
        "time"
    )
    sessions = grouped.windowed_by(SessionWindows.of_inactivity_gap_with_no_grace(5))
    sessions.aggregate(str, lambda key, one, two: one + two, "sessions").to_stream(shown).to("sessions")
    sliding = grouped.windowed_by(SlidingWindows.of_time_difference_with_no_grace(5))
    sliding.aggregate(str, "sliding").to_stream(shown).to("sliding")

    bench.run(("k", None, 1))

    assert bench.output("time") == [("k@0/10", " inNone")]
    assert bench.output("sessions") == [("k@1/1", " inNone")]
    assert bench.output("sliding") == []


def test_sessions_join_across_the_streams(bench: Bench) -> None:
    sessions = cogrouped(bench).windowed_by(SessionWindows.of_inactivity_gap_and_grace(5, 10))
    table = sessions.aggregate(str, lambda key, one, two: f"({one}|{two})", "sessions")
    table.to_stream(shown).to("out")

    bench.run(("k", "a", 0))
    bench.pipe("other", ("k", "b", 8))

    assert bench.run(("k", "c", 4))[2:] == [
        ("k@0/0", None),
        ("k@8/8", None),
        ("k@0/8", "((| ina)| otherb) inc"),
    ]


def test_what_is_late_is_late_by_the_newest_row_of_any_stream(bench: Bench) -> None:
    windows = cogrouped(bench).windowed_by(TimeWindows.of_size_with_no_grace(10))
    windows.late_to("late").aggregate(str, "both").to_stream(shown).to("out")

    bench.run(("k", "a", 1))
    bench.pipe("other", ("k", "b", 12))

    assert bench.run(("k", "too late", 9)) == [("k@0/10", " ina"), ("k@10/20", " otherb")]
    assert bench.records("late") == [("k", "too late", 9)]


def test_only_final_results_are_told_of_where_that_is_asked_for(bench: Bench) -> None:
    windows = cogrouped(bench).windowed_by(TimeWindows.of_size_with_no_grace(10))
    final = windows.emit_strategy(EmitStrategy.on_window_close()).aggregate(str, "both")
    final.to_stream(shown).to("out")

    bench.run(("k", "a", 1), ("k", "b", 2))
    bench.pipe("other", ("l", "c", 10))

    assert bench.output() == [("k@0/10", " ina inb")]


def test_windows_by_count_have_no_order_among_streams(bench: Bench) -> None:
    with pytest.raises(Misuse, match=r"merge\(\) the streams first"):
        cogrouped(bench).windowed_by(CountWindows.tumbling(3))


Row = tuple[str, str, int]
ROWS = st.lists(
    st.tuples(st.sampled_from(["in", "other"]), st.sampled_from("kl"), st.integers(0, 60)), max_size=30
)


def after(windowed: Any, bench: Bench, rows: list[Row], *merger: Any) -> dict[str, str]:
    """The table after all rows, each of whose values is its number."""
    windowed.aggregate(str, *merger, "both").to_stream(shown).to("out")
    for number, (topic, key, timestamp) in enumerate(rows):
        bench.pipe(topic, (key, f"{number}", timestamp))
    if bench.driver is None:
        return {}
    with bench.driver:
        table = dict(bench.output())
    return {key: value for key, value in table.items() if value is not None}


@settings(max_examples=25, deadline=None)
@given(ROWS, st.integers(1, 20), st.integers(1, 20), st.integers(0, 30))
def test_time_windows_hold_what_a_recomputation_finds(
    rows: list[Row], size: int, advance: int, grace: int
) -> None:
    advance = min(advance, size)
    bench = Bench()
    windows = TimeWindows.of_size_and_grace(size, grace).advance_by(advance)

    found = after(cogrouped(bench).windowed_by(windows), bench, rows)

    expected: dict[str, str] = {}
    newest = -1
    for number, (topic, key, timestamp) in enumerate(rows):
        newest = max(newest, timestamp)
        for start in range(0, timestamp + 1, advance):
            if start <= timestamp < start + size and newest < start + size + grace:
                name = f"{key}@{start}/{start + size}"
                expected[name] = f"{expected.get(name, '')} {topic}{number}"
    assert found == expected


@settings(max_examples=25, deadline=None)
@given(ROWS, st.integers(1, 20))
def test_sessions_hold_what_a_recomputation_finds(rows: list[Row], gap: int) -> None:
    bench = Bench()
    windows = cogrouped(bench).windowed_by(SessionWindows.of_inactivity_gap_and_grace(gap, 100))

    found = after(windows, bench, rows, lambda key, one, two: one + two)

    expected: dict[str, list[str]] = {}
    for wanted in "kl":
        mine = sorted((when, f"{topic}{n}") for n, (topic, key, when) in enumerate(rows) if key == wanted)
        session: list[tuple[int, str]] = []
        for row in [*mine, (10_000, "")]:
            if session and row[0] - session[-1][0] > gap:
                name = f"{wanted}@{session[0][0]}/{session[-1][0]}"
                expected[name] = sorted(what for _, what in session)
                session = []
            session.append(row)
    assert {key: sorted(value.split()) for key, value in found.items()} == expected
