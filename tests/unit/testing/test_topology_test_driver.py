"""``TopologyTestDriver``: its clock, and its names."""

from __future__ import annotations

import streamz_core.testing
from streamz_core.streams import StreamsBuilder
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
