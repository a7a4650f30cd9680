"""Windows that close by each key's own time, by the driver."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.calendar_windows import CalendarWindows
from streamz_core.streams.dsl.emit_strategy import CloseStrategy, EmitStrategy
from streamz_core.streams.dsl.options import Materialized, Named
from streamz_core.streams.dsl.suppressed import BufferConfig, Suppressed
from streamz_core.streams.dsl.windows import SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows

TEN = TimeWindows.of_size_with_no_grace(10)
FINAL = EmitStrategy.on_window_close()
PER_KEY = CloseStrategy.per_key()
CLOSED = Suppressed.until_window_closes(BufferConfig.unbounded()).with_name("final")
DAY_MS = 86_400_000


def shown(table: Any) -> None:
    table.to_stream(lambda key, _value: str(key)).to("out")


def windowed(bench: Any, windows: Any = TEN, close: CloseStrategy = PER_KEY) -> Any:
    return bench.stream().group_by_key().windowed_by(windows).close_strategy(close)


def stored(bench: Any, name: str = "counts") -> list[Any]:
    return [(key, start, value[0]) for key, start, _end, value in bench.driver.get_state_store(name).all()]


def test_a_key_that_runs_ahead_closes_no_other_keys_windows(bench: Any) -> None:
    shown(windowed(bench).emit_strategy(FINAL).count("counts"))

    assert bench.run(("a", "x", 1), ("b", "x", 1_000), ("a", "x", 2)) == []
    assert bench.run(("a", "x", 11)) == [("[a@0/10]", 2)]
    assert bench.run(("b", "x", 1_010)) == [("[a@0/10]", 2), ("[b@1000/1010]", 1)]


def test_by_the_partitions_time_the_same_records_are_late(bench: Any) -> None:
    shown(windowed(bench, close=CloseStrategy.stream_time()).emit_strategy(FINAL).count("counts"))

    assert bench.run(("a", "x", 1), ("b", "x", 1_000), ("a", "x", 2)) == [("[a@0/10]", 1)]


def test_a_keys_own_late_record_is_late(bench: Any) -> None:
    shown(windowed(bench).late_to("late").count("counts"))

    found = bench.run(("a", "x", 1), ("a", "x", 10), ("a", "late", 2), ("b", "x", 3))

    assert found == [("[a@0/10]", 1), ("[a@10/20]", 1), ("[b@0/10]", 1)]
    assert bench.output("late") == [("a", "late")]
    assert bench.driver.get_state_store("counts").late_count == 1


def test_windows_go_when_their_keys_time_has_passed_their_retention(bench: Any) -> None:
    kept = Materialized.as_("counts").with_retention(timedelta(milliseconds=30))
    shown(windowed(bench).count(kept))

    bench.run(("a", "x", 1), ("b", "x", 1), ("a", "x", 29))
    assert stored(bench) == [("a", 0, 1), ("b", 0, 1), ("a", 20, 1)]
    bench.run(("a", "x", 30))
    assert stored(bench) == [("b", 0, 1), ("a", 20, 1), ("a", 30, 1)]


def test_windows_that_no_key_has_any_more_are_forgotten(bench: Any) -> None:
    shown(windowed(bench).count("counts"))

    bench.run(*[("a", "x", time) for time in range(0, 1_000, 10)])

    assert bench.driver.get_state_store("counts").starts() == [990]


def test_windows_kept_beyond_their_end_are_told_of_once(bench: Any) -> None:
    kept = Materialized.as_("counts").with_retention(timedelta(milliseconds=100))
    close = CloseStrategy.per_key(behind_max=50)
    shown(windowed(bench, close=close).emit_strategy(FINAL).count(kept))

    assert bench.run(("a", "x", 1), ("a", "x", 11)) == [("[a@0/10]", 1)]
    assert bench.run(("b", "x", 65)) == [("[a@0/10]", 1)]
    assert bench.run(("b", "x", 500))[1:] == [("[a@10/20]", 1), ("[b@60/70]", 1)]


def test_hopping_windows(bench: Any) -> None:
    hopping = TimeWindows.of_size_with_no_grace(10).advance_by(5)
    shown(windowed(bench, hopping).emit_strategy(FINAL).count("counts"))

    assert bench.run(("a", "x", 7), ("b", "x", 100), ("a", "x", 12)) == [("[a@0/10]", 1)]
    assert bench.run(("a", "x", 20)) == [("[a@0/10]", 1), ("[a@5/15]", 2), ("[a@10/20]", 1)]


def test_calendar_days(bench: Any) -> None:
    shown(windowed(bench, CalendarWindows.days("UTC")).emit_strategy(FINAL).count("counts"))

    found = bench.run(("a", "x", 5), ("b", "x", 9 * DAY_MS), ("a", "x", 6), ("a", "x", DAY_MS))

    assert found == [(f"[a@0/{DAY_MS}]", 2)]


def test_reduced(bench: Any) -> None:
    shown(windowed(bench).emit_strategy(FINAL).reduce(lambda old, new: old + new, "reduced"))

    assert bench.run(("a", "x", 1), ("b", "x", 99), ("a", "y", 2), ("a", "z", 10)) == [("[a@0/10]", "xy")]


def test_cogrouped(bench: Any) -> None:
    grouped = bench.stream().group_by_key().cogroup(lambda _key, value, total: total + value)
    both = grouped.cogroup(
        bench.stream("other").group_by_key(), lambda _key, value, total: total + value.upper()
    )
    made = both.windowed_by(TEN).close_strategy(PER_KEY).emit_strategy(FINAL)
    shown(made.aggregate(lambda: "", "joined"))

    bench.pipe("other", ("b", "x", 99))
    bench.pipe("in", ("a", "x", 1))
    bench.pipe("other", ("a", "y", 2), ("a", "z", 10))
    assert bench.output() == [("[a@0/10]", "xY")]


def test_suppressed(bench: Any) -> None:
    shown(windowed(bench).count("counts").suppress(CLOSED))

    assert bench.run(("a", "x", 1), ("b", "x", 99), ("a", "x", 2), ("a", "x", 10)) == [("[a@0/10]", 2)]


def test_a_deleted_aggregate_is_not_told_of(bench: Any) -> None:
    def last(_key: str, value: str, _total: Any) -> str | None:
        return None if value == "delete" else value

    shown(windowed(bench).emit_strategy(FINAL).aggregate(lambda: "", last, "last"))

    assert bench.run(("a", "x", 1), ("a", "delete", 2), ("a", "y", 10), ("a", "z", 20)) == [
        ("[a@10/20]", "y")
    ]


# -- keys that fall silent


def test_a_silent_keys_windows_stay_open(bench: Any) -> None:
    shown(windowed(bench).emit_strategy(FINAL).count("counts"))

    assert bench.run(("a", "x", 1), ("b", "x", 10_000_000)) == []
    assert stored(bench) == [("a", 0, 1), ("b", 10_000_000, 1)]


def test_keys_too_far_behind_are_closed_by_the_others(bench: Any) -> None:
    shown(windowed(bench, close=CloseStrategy.per_key(behind_max=50)).emit_strategy(FINAL).count("counts"))

    assert bench.run(("a", "x", 1), ("b", "x", 59), ("a", "x", 2)) == []
    assert bench.run(("b", "x", 60)) == [("[a@0/10]", 2), ("[b@50/60]", 1)]
    assert bench.run(("a", "late", 9), ("a", "x", 11), ("a", "x", 20))[2:] == [("[a@10/20]", 1)]


def test_times_of_keys_whose_windows_are_gone_are_forgotten(bench: Any) -> None:
    shown(windowed(bench, close=CloseStrategy.per_key(behind_max=50)).count("counts"))

    bench.run(
        *[(f"key {time}", "x", time) for time in range(0, 1_000, 10)],
        ("last", "x", 1_500),
        ("last", "x", 1_501),
    )

    assert [key for key, _ in bench.driver.get_state_store("counts-key-times").all()] == ["last"]


def test_idleness_closes_each_keys_windows(bench: Any) -> None:
    close = CloseStrategy.per_key(after_idle=timedelta(seconds=5))
    shown(windowed(bench, close=close).emit_strategy(FINAL).count("counts"))
    bench.run(("a", "x", 1), ("b", "x", 1_000))

    bench.driver.advance_wall_clock_time(timedelta(seconds=6))
    assert bench.output() == [("[a@0/10]", 1), ("[b@1000/1010]", 1)]
    # Each key stands at the end of its own window, not where another one does.
    assert bench.run(("a", "late", 9), ("a", "x", 10), ("a", "x", 20))[2:] == [("[a@10/20]", 1)]


def test_what_closes_at_once_is_told_of_by_the_order_of_windows(bench: Any) -> None:
    close = CloseStrategy.per_key(after_idle=5)
    windows = TimeWindows.of_size_and_grace(10, 100)
    shown(windowed(bench, windows, close=close).emit_strategy(FINAL).count("counts"))
    bench.run(("a", "x", 1), ("a", "x", 21), ("b", "x", 11))

    bench.driver.advance_wall_clock_time(10)

    assert bench.output() == [("[a@0/10]", 1), ("[b@10/20]", 1), ("[a@20/30]", 1)]


def test_idleness_closes_again_after_more_input(bench: Any) -> None:
    close = CloseStrategy.per_key(after_idle=timedelta(seconds=5))
    shown(windowed(bench, close=close).emit_strategy(FINAL).count("counts"))
    for time in (1, 11):
        bench.run(("a", "x", time))
        bench.driver.advance_wall_clock_time(timedelta(seconds=6))

    assert bench.output() == [("[a@0/10]", 1), ("[a@10/20]", 1)]


def test_the_wall_clock_closes_windows_of_silent_keys(bench: Any) -> None:
    close = CloseStrategy.per_key(wall_clock=True)
    shown(windowed(bench, close=close).emit_strategy(FINAL).count("counts"))
    now = 1_700_000_000_000

    assert bench.run(("a", "x", now + 1), ("b", "x", now + 500), ("a", "x", now + 2)) == []
    bench.driver.advance_wall_clock_time(200)
    assert bench.output() == [(f"[a@{now}/{now + 10}]", 2)]
    bench.driver.advance_wall_clock_time(400)
    assert bench.output()[1:] == [(f"[b@{now + 500}/{now + 510}]", 1)]


# -- clocks that are wrong


def test_a_timestamp_that_is_not_believed_closes_nothing_of_its_own_key(bench: Any) -> None:
    shown(windowed(bench).emit_strategy(FINAL).count("counts"))
    now = 1_700_000_000_000
    ahead = now + 10 * DAY_MS

    found = bench.run(
        ("a", "x", now),
        ("a", "x", ahead),
        ("a", "x", now + 1),
        config={"timestamp_ahead_max": timedelta(days=1)},
    )
    assert found == []
    assert bench.run(("a", "x", now + 10)) == [(f"[a@{now}/{now + 10}]", 2)]


def test_idleness_leaves_windows_of_times_that_are_not_believed_open(bench: Any) -> None:
    close = CloseStrategy.per_key(after_idle=5)
    shown(windowed(bench, close=close).emit_strategy(FINAL).count("counts"))
    now = 1_700_000_000_000
    believed = {"timestamp_ahead_max": timedelta(days=1)}
    bench.run(("a", "x", now), ("a", "x", now + 10 * DAY_MS), config=believed)

    bench.driver.advance_wall_clock_time(10)
    assert bench.output() == [(f"[a@{now}/{now + 10}]", 1)]
    assert bench.run(("a", "x", now + 10), ("a", "x", now + 20))[1:] == [(f"[a@{now + 10}/{now + 20}]", 1)]


def test_a_record_that_is_skipped_moves_no_time(bench: Any) -> None:
    def add(_key: str, value: str, total: int) -> int:
        return total + int(value)

    named = Named.as_("add").with_error_policy("skip")
    shown(windowed(bench).emit_strategy(FINAL).aggregate(lambda: 0, add, "sums", named))

    found = bench.run(("a", "1", 1), ("a", "bad", 100), ("b", "5", 70), ("a", "2", 2), ("a", "3", 10))
    assert found == [("[a@0/10]", 3)]


def test_cached_updates_of_one_commit_and_what_goes_with_it(bench: Any) -> None:
    table = windowed(bench).count("counts")
    table.filter(lambda _key, count: count > 1).to_stream(lambda key, _: str(key)).to("out")

    found = bench.run(("a", "x", 1), ("b", "x", 50), ("a", "x", 2), ("a", "x", 30), ("a", "late", 3))
    assert found == [("[a@0/10]", 2)]


# -- what cannot be


@pytest.mark.parametrize(
    "windows",
    [
        SessionWindows.of_inactivity_gap_with_no_grace(5),
        SlidingWindows.of_time_difference_with_no_grace(5),
        UnlimitedWindows.of(),
    ],
)
def test_windows_that_cannot_close_per_key_are_refused(bench: Any, windows: Any) -> None:
    with pytest.raises(Misuse, match=r"cannot close per_key\(\)"):
        windowed(bench, windows)


def test_a_suppression_that_would_need_a_buffer_is_refused(bench: Any) -> None:
    table = windowed(bench).count("counts")
    shown(table.suppress(CLOSED))
    table.to_stream(lambda key, _value: str(key)).to("updates")

    with pytest.raises(Misuse, match=r"suppression 'final' would buffer windows that close per_key\(\)"):
        bench.run(("a", "x", 1))


def test_a_bounded_suppression_is_refused(bench: Any) -> None:
    bounded = BufferConfig.max_records(1).shut_down_when_full()

    with pytest.raises(Misuse, match="in a store that has no bound"):
        windowed(bench).count("counts").suppress(Suppressed.until_window_closes(bounded).with_name("final"))


def test_idleness_and_the_wall_clock_are_two_ways() -> None:
    with pytest.raises(Misuse, match="not both"):
        CloseStrategy.per_key(after_idle=5, wall_clock=True)
