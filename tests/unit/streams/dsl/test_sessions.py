"""Sessions and sliding windows by the driver; how they agree with Kafka Streams is told by ``tests/oracle``."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.emit_strategy import EmitStrategy
from streamz_core.streams.dsl.options import Materialized
from streamz_core.streams.dsl.windows import SessionWindows, SlidingWindows

GAP_5 = SessionWindows.of_inactivity_gap_with_no_grace(5)
PATIENT = SessionWindows.of_inactivity_gap_and_grace(5, 20)


def shown(table: Any) -> None:
    table.to_stream(lambda key, _value: str(key)).to("out")


def test_a_record_between_two_sessions_makes_one_of_them(bench: Any) -> None:
    shown(bench.stream().group_by_key().windowed_by(PATIENT).count("counts"))

    assert bench.run(("a", "x", 0), ("a", "x", 8), ("a", "x", 4)) == [
        ("[a@0/0]", 1),
        ("[a@8/8]", 1),
        ("[a@0/0]", None),
        ("[a@8/8]", None),
        ("[a@0/8]", 3),
    ]


def test_sessions_are_aggregated_with_a_merger(bench: Any) -> None:
    sessions = bench.stream().group_by_key().windowed_by(PATIENT)
    shown(
        sessions.aggregate(
            list, lambda _key, value, found: [*found, value], lambda _key, one, other: one + other, "store"
        )
    )

    found = bench.run(("a", "one", 0), ("a", "two", 8), ("a", "three", 4))

    assert found[-1] == ("[a@0/8]", ["one", "two", "three"])


def test_final_results_of_sessions_come_once(bench: Any) -> None:
    sessions = bench.stream().group_by_key().windowed_by(GAP_5)
    shown(sessions.emit_strategy(EmitStrategy.on_window_close()).count("counts"))

    assert bench.run(("a", "x", 0), ("a", "x", 3), ("b", "x", 8)) == []
    assert bench.run(("b", "x", 9)) == [("[a@0/3]", 2)]
    assert bench.run(("b", "x", 30)) == [("[a@0/3]", 2), ("[b@8/9]", 2)]


def test_a_record_of_a_closed_session_is_late(bench: Any) -> None:
    shown(bench.stream().group_by_key().windowed_by(GAP_5).count("counts"))

    assert bench.run(("a", "x", 0), ("b", "x", 6), ("a", "late", 0)) == [("[a@0/0]", 1), ("[b@6/6]", 1)]
    assert bench.driver.get_state_store("counts").late_count == 1


def test_sessions_are_kept_as_long_as_the_retention_says(bench: Any) -> None:
    counts = Materialized.as_("counts").with_retention(20)
    shown(bench.stream().group_by_key().windowed_by(GAP_5).count(counts))
    bench.run(("a", "x", 0), ("b", "x", 15))
    store = bench.driver.get_state_store("counts")

    assert store.fetch("a") == [(0, 0, 1)]

    bench.run(("b", "x", 40))
    assert list(store.fetch_all()) == [("b", 40, 40, 1)]


def test_a_retention_shorter_than_gap_and_grace_is_refused(bench: Any) -> None:
    with pytest.raises(Misuse, match="retention of 4 ms is shorter"):
        bench.stream().group_by_key().windowed_by(GAP_5).count(Materialized.as_("c").with_retention(4))


def test_sliding_windows_are_all_sets_of_records_close_together(bench: Any) -> None:
    windows = SlidingWindows.of_time_difference_and_grace(10, 100)
    shown(bench.stream().group_by_key().windowed_by(windows).reduce(lambda old, new: old + new, "store"))
    bench.run(("a", "A", 20), ("a", "B", 25), ("a", "C", 33))

    assert dict(bench.output()) == {
        "[a@10/20]": "A",
        "[a@15/25]": "AB",
        "[a@21/31]": "B",
        "[a@23/33]": "BC",
        "[a@26/36]": "C",
    }


def test_an_aggregator_may_change_what_it_is_given(bench: Any) -> None:
    def collect(_key: str, value: str, found: list[str]) -> list[str]:
        found.append(value)
        return found

    windows = SlidingWindows.of_time_difference_and_grace(10, 100)
    shown(bench.stream().group_by_key().windowed_by(windows).aggregate(list, collect, "store"))
    bench.run(("a", "A", 20), ("a", "B", 25))

    assert dict(bench.output()) == {"[a@10/20]": ["A"], "[a@15/25]": ["A", "B"], "[a@21/31]": ["B"]}
