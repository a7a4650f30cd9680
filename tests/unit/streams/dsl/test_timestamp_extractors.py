"""Where the times of records come from, by the driver."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Consumed
from streamz_core.streams.timestamp_extractors import (
    fail_on_invalid_timestamp,
    field_timestamp,
    log_and_skip_on_invalid_timestamp,
    use_partition_time_on_invalid_timestamp,
    wallclock_timestamp,
)
from streamz_core.testing import TopologyTestDriver


def times(bench: Any, extractor: Any, *records: tuple[str, Any, int], **options: Any) -> list[int]:
    """The times with which the records come out again."""
    consumed = Consumed(key_type=str, timestamp_extractor=extractor, **options)
    bench.builder.stream("in", consumed).to("out")
    bench.driver = TopologyTestDriver(bench.builder)
    given = bench.driver.create_input_topic("in", str)
    for key, value, timestamp in records:
        given.pipe_input(key, value, timestamp)
    return [record.timestamp for record in bench.driver.create_output_topic("out").read_records_to_list()]


def test_a_field_of_the_value_is_the_time(bench: Any) -> None:
    assert times(bench, field_timestamp("at"), ("k", {"at": 70}, 5), ("k", {"at": 30}, 6)) == [70, 30]


def test_a_record_whose_extractor_fails_is_an_error_of_its_source(bench: Any) -> None:
    records = (("k", {"at": 70}, 5), ("k", {}, 6), ("k", {"at": "soon"}, 6), ("k", {"at": 90}, 7))

    assert times(bench, field_timestamp("at"), *records, on_decode_error="skip") == [70, 90]


def test_an_extractor_knows_the_time_of_the_partition(bench: Any) -> None:
    seen: list[tuple[Any, ...]] = []

    def extract(record: Any, partition_time_ms: int) -> int:
        seen.append(
            (record.topic, record.offset, record.key, record.value, record.timestamp, partition_time_ms)
        )
        return int(record.value)

    assert times(bench, extract, ("a", 40, 1), ("b", 20, 2), ("c", 60, 3)) == [40, 20, 60]
    assert seen == [("in", 0, "a", 40, 1, -1), ("in", 1, "b", 20, 2, 40), ("in", 2, "c", 60, 3, 40)]


def test_records_of_invalid_times_are_dropped_or_mended(bench: Any) -> None:
    records = (("k", 1, 50), ("k", 2, -1), ("k", 3, 20))

    assert times(bench, log_and_skip_on_invalid_timestamp, *records) == [50, 20]


def test_the_time_of_the_partition_stands_in(bench: Any) -> None:
    records = (("k", 1, 50), ("k", 2, -1), ("k", 3, 20), ("k", 4, -1))

    assert times(bench, use_partition_time_on_invalid_timestamp, *records) == [50, 50, 20, 50]


def test_invalid_times_are_errors_where_nothing_else_is_said(bench: Any) -> None:
    records = (("k", 1, -1), ("k", 2, 7))

    assert times(bench, fail_on_invalid_timestamp, *records, on_decode_error="skip") == [7]


def test_the_wall_clock_is_the_task_s(bench: Any) -> None:
    assert times(bench, wallclock_timestamp, ("k", 1, 5)) == [1_700_000_000_000]


def test_extracted_times_decide_what_a_join_finds(bench: Any) -> None:
    by_field = {"key_type": str, "timestamp_extractor": field_timestamp("at")}
    users = bench.builder.table("users", **by_field)
    bench.builder.stream("in", **by_field).join(users, lambda view, user: [view["n"], user["n"]]).to("out")
    bench.driver = TopologyTestDriver(bench.builder)
    given = {topic: bench.driver.create_input_topic(topic, str) for topic in ("in", "users")}

    given["users"].pipe_input("k", {"at": 10, "n": 1})
    given["in"].pipe_input("k", {"at": 15, "n": 2})
    assert bench.output() == [("k", [2, 1])]


def test_an_offset_reset_that_is_none_is_refused() -> None:
    with pytest.raises(Misuse, match="'newest'; allowed are earliest, latest, fail"):
        Consumed(offset_reset="newest")
