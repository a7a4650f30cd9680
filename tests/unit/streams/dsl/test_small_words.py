"""Joiners, serdes and partitioners that come ready-made, and streams that need not be dealt out anew."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams import (
    SessionWindows,
    StreamsBuilder,
    TimeWindows,
    Window,
    Windowed,
    WindowedSerdes,
    merged_fields,
)
from streamz_core.streams.dsl.joiners import FieldClash
from streamz_core.testing import TopologyTestDriver
from tests.unit.streams.dsl.conftest import Bench


def test_fields_of_both_sides_in_one() -> None:
    left, right = {"id": 1, "n": 5}, {"id": 2, "m": 6}
    assert merged_fields("left")(left, right) == {"id": 1, "n": 5, "m": 6}
    assert merged_fields("right")(left, right) == {"id": 2, "n": 5, "m": 6}
    assert merged_fields(lambda field, one, other: f"{field}{one}{other}")(left, right)["id"] == "id12"
    assert merged_fields()({"id": 1}, {"id": 1, "m": 6}) == {"id": 1, "m": 6}
    assert merged_fields()(left, None) == left
    assert merged_fields()(None, right) == right
    with pytest.raises(
        FieldClash, match=r"field 'id': 1 and 2; say which one counts: merged_fields\('left'\)"
    ):
        merged_fields()(left, right)
    with pytest.raises(Misuse, match="'both'"):
        merged_fields("both")


def test_a_join_of_dictionaries(bench: Bench) -> None:
    users = bench.builder.table("users", key_type=str, value_type=dict)
    orders = bench.stream(value_type=dict)
    orders.join(users, merged_fields("left"), value_type=dict).to("out")

    bench.pipe("users", ("u", {"id": 7, "name": "Ann"}), value_type=dict)
    assert bench.run(("u", {"id": 1}), value_type=dict) == [("u", {"id": 1, "name": "Ann"})]


def test_windowed_keys_are_read_back_from_topics() -> None:
    builder = StreamsBuilder()
    stream = builder.stream("in", key_type=str, value_type=str).group_by_key()
    minutes, gap = (
        TimeWindows.of_size_with_no_grace(60_000),
        SessionWindows.of_inactivity_gap_with_no_grace(5),
    )
    stream.windowed_by(minutes).count("by-minute").to_stream().to("times")
    stream.windowed_by(gap).count("by-session").to_stream().to("sessions")
    times = WindowedSerdes.time_windowed_serde_from(str, timedelta(minutes=1))
    again = builder.stream("times", key_type=times, value_type=int)
    again.filter(lambda key, count: key.window.start > 0).to("late")
    again.group_by_key().count("again").to_stream().to("counts")

    with TopologyTestDriver(builder) as driver:
        given = driver.create_input_topic("in", str, str)
        given.pipe_input("a", "x", 0)
        given.pipe_input("a", "y", 60_000)

        first, second = Windowed("a", Window(0, 60_000)), Windowed("a", Window(60_000, 120_000))
        of_windows = WindowedSerdes.time_windowed_serde_from(str, minutes)
        assert driver.create_output_topic("late", of_windows, int).read_key_values_to_list() == [(second, 1)]
        assert driver.create_output_topic("counts", times, int).read_key_values_to_map() == {
            first: 1,
            second: 1,
        }
        sessions = WindowedSerdes.session_windowed_serde_from(str)
        assert driver.create_output_topic("sessions", sessions, int).read_key_values_to_list() == [
            (Windowed("a", Window(0, 0)), 1),
            (Windowed("a", Window(60_000, 60_000)), 1),
        ]


def test_a_partitioner_may_name_several_partitions_or_none() -> None:
    def choose(topic: str, key: Any, value: str, partitions: int) -> Any:
        return {"all": range(partitions), "none": (), "first": 0, "key": None}[value]

    bench = Bench()
    bench.stream().to("out", partitioner=choose)
    with TopologyTestDriver(bench.builder, partitions=3) as driver:
        given = driver.create_input_topic("in", str, str)
        for value in ("all", "none", "first"):
            given.pipe_input("k", value)
        found = [(record.partition, record.value) for record in driver.records("out")]
    assert sorted(found) == [(0, b"all"), (0, b"first"), (1, b"all"), (2, b"all")]


def test_a_stream_that_is_partitioned_by_part_of_its_key_is_not_dealt_out_anew() -> None:
    builder = StreamsBuilder()
    stream = builder.stream("in", key_type=str, value_type=str)
    by_both = stream.select_key(lambda key, value: f"{key}/{value}", key_type=str).mark_as_partitioned()
    by_both.group_by_key().count("counts").to_stream().to("out")

    assert "repartition" not in builder.describe()
    with TopologyTestDriver(builder, partitions=2) as driver:
        driver.create_input_topic("in", str, str).pipe_key_value_list([("a", "x"), ("b", "x"), ("a", "x")])
        found = driver.create_output_topic("out", str, int).read_key_values_to_map()
    assert found == {"a/x": 2, "b/x": 1}


@pytest.mark.parametrize("topics", [["a", re.compile("a.*")], ["a", 7], [b"a"]])
def test_topics_are_read_by_their_names_or_one_pattern(topics: Any) -> None:
    with pytest.raises(Misuse, match="reads topics by their names"):
        StreamsBuilder().stream(topics)
