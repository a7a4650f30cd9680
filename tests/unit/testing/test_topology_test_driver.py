"""``TopologyTestDriver``: its clock, and its names."""

from __future__ import annotations

from datetime import timedelta

import pytest

import streamz_core.testing
from streamz_core.errors import Misuse
from streamz_core.streams import StreamsBuilder, TimeWindows
from streamz_core.testing import TopologyTestDriver


def test_the_clock_moves_by_being_advanced_alone() -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).group_by_key().count("counts").to_stream().to("out")
    with TopologyTestDriver(builder, initial_wall_clock_time=5_000) as driver:
        given = driver.create_input_topic("in", str, str)
        for _ in range(3):
            given.pipe_input("a", "1")
        driver.advance_wall_clock_time(250)
        given.pipe_input("a", "1")
        records = driver.create_output_topic("out", str, int).read_records_to_list()
        assert [record.timestamp for record in records] == [5_000, 5_000, 5_000, 5_250]
        assert driver.clock.now_ms() == 5_250


def test_all_names_can_be_imported_at_once() -> None:
    names: dict[str, object] = {}
    exec("from streamz_core.testing import *", names)
    assert names["TopologyTestDriver"] is TopologyTestDriver
    assert set(streamz_core.testing.__all__) < names.keys()


def test_stores_come_as_kafka_gives_them() -> None:
    builder = StreamsBuilder()
    grouped = builder.stream("in", key_type=str, value_type=str).group_by_key()
    grouped.count("counts")
    grouped.windowed_by(TimeWindows.of_size_with_no_grace(10)).count("windows")
    with TopologyTestDriver(builder) as driver:
        driver.create_input_topic("in", str, str).pipe_input("a", "1", 7)
        counts, windows = driver.get_key_value_store("counts"), driver.get_window_store("windows")
        assert counts.get("a") == 1
        assert list(counts.all()) == [("a", 1)]
        assert counts.approximate_num_entries() == 1
        assert windows.get("a", 0) == 1
        assert windows.fetch("a", 0, 10) == [(0, 10, 1)]
        assert driver.get_timestamped_key_value_store("counts").get("a") == (1, 7)
        assert driver.get_timestamped_window_store("windows").get("a", 0) == (1, 7)
        assert driver.get_all_state_stores().keys() == {"counts", "windows"}


def test_a_table_can_be_filled_before_its_first_record() -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).group_by_key().count("counts").to_stream().to("out")
    with TopologyTestDriver(builder) as driver:
        counts = driver.get_key_value_store("counts")
        counts.put_all({"a": 41, "b": 1})
        assert counts.put_if_absent("b", 5) == 1
        driver.create_input_topic("in", str, str).pipe_input("a", "1")
        assert driver.create_output_topic("out", str, int).read_value() == 42
        counts.put("a", None)
        assert counts.get("a", default=0) == 0


def test_lists_can_be_piped_with_times() -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).to("out")
    with TopologyTestDriver(builder) as driver:
        given = driver.create_input_topic("in", str, str)
        given.pipe_key_value_list([("a", "1"), ("b", "2")], 100, timedelta(seconds=1))
        given.pipe_value_list(["3", "4"], start_timestamp=5)
        records = driver.create_output_topic("out", str, str).read_records_to_list()
        assert [(record.key, record.timestamp) for record in records] == [
            ("a", 100),
            ("b", 1_100),
            (None, 5),
            (None, 5),
        ]


def test_a_closed_driver_says_so() -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).to("out")
    driver = TopologyTestDriver(builder)
    given = driver.create_input_topic("in", str, str)
    driver.close()
    with pytest.raises(Misuse, match="the driver is closed"):
        given.pipe_input("a", "1")
    with pytest.raises(Misuse, match="the driver is closed"):
        driver.advance_wall_clock_time(1)


def test_a_topology_of_a_global_table_alone() -> None:
    builder = StreamsBuilder()
    builder.global_table("rates", key_type=str, value_type=float)
    with TopologyTestDriver(builder) as driver:
        driver.create_input_topic("rates", str, float).pipe_input("eur", 1.1)
        assert driver.app.store("rates").get("eur") == 1.1
