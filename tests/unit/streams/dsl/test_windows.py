"""Windowed aggregations by the driver."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.emit_strategy import EmitStrategy
from streamz_core.streams.dsl.options import Materialized
from streamz_core.streams.dsl.windows import TimeWindows

TEN = TimeWindows.of_size_with_no_grace(10)


def shown(bench: Any, windowed: Any) -> None:
    windowed.count("counts").to_stream(lambda key, count: str(key)).to("out")


def test_tumbling_windows_count_each_record_once(bench: Any) -> None:
    shown(bench, bench.stream().group_by_key().windowed_by(TEN))

    assert bench.run(("a", "x", 3), ("a", "x", 9), ("a", "x", 10), ("b", "x", 11)) == [
        ("[a@0/10]", 1),
        ("[a@0/10]", 2),
        ("[a@10/20]", 1),
        ("[b@10/20]", 1),
    ]


def test_hopping_windows_count_each_record_in_all_of_its_windows(bench: Any) -> None:
    shown(bench, bench.stream().group_by_key().windowed_by(TEN.advance_by(timedelta(milliseconds=5))))

    assert bench.run(("a", "x", 3), ("a", "x", 7)) == [
        ("[a@0/10]", 1),
        ("[a@0/10]", 2),
        ("[a@5/15]", 1),
    ]


def test_a_window_takes_records_until_its_grace_is_over(bench: Any) -> None:
    shown(bench, bench.stream().group_by_key().windowed_by(TimeWindows.of_size_and_grace(10, 5)))

    assert bench.run(
        ("a", "x", 1), ("a", "x", 14), ("a", "late", 2), ("a", "x", 15), ("a", "too late", 3)
    ) == [
        ("[a@0/10]", 1),
        ("[a@10/20]", 1),
        ("[a@0/10]", 2),
        ("[a@10/20]", 2),
    ]
    assert bench.driver.get_state_store("counts").late_count == 1


def test_final_results_come_once_when_the_window_closes(bench: Any) -> None:
    windowed = bench.stream().group_by_key().windowed_by(TimeWindows.of_size_and_grace(10, 5))
    shown(bench, windowed.emit_strategy(EmitStrategy.on_window_close()))

    assert bench.run(("a", "x", 1), ("b", "x", 2), ("a", "x", 14)) == []
    assert bench.run(("a", "x", 15)) == [("[a@0/10]", 1), ("[b@0/10]", 1)]
    assert bench.run(("a", "x", 100)) == [("[a@0/10]", 1), ("[b@0/10]", 1), ("[a@10/20]", 2)]


def test_windowed_keys_are_written_as_kafka_writes_them(bench: Any) -> None:
    windowed = bench.stream().group_by_key().windowed_by(TEN)
    windowed.reduce(lambda old, new: old + new, "joined").to_stream().to("out")
    bench.run()
    bench.pipe("in", ("a", "x", 12), ("a", "y", 13))

    (first, second) = bench.driver.records("out")
    assert (first.key, first.value) == (b"a" + (10).to_bytes(8, "big"), b"x")
    assert second.value == b"xy"


def test_a_retention_shorter_than_the_windows_is_refused(bench: Any) -> None:
    windowed = bench.stream().group_by_key().windowed_by(TimeWindows.of_size_and_grace(10, 5))

    with pytest.raises(Misuse, match="retention of 14 ms is shorter"):
        windowed.count(Materialized.as_("counts").with_retention(14))
