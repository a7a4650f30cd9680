"""Topologies run by the driver, with text keys and values on both ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.kstream import KStream
from streamz_core.testing import TopologyTestDriver


class Bench:
    """A builder, and after ``run`` a driver with an input and an output topic; closed when the test ends."""

    made: ClassVar[list[Bench]] = []

    def __init__(self) -> None:
        self.made.append(self)
        self.builder = StreamsBuilder()
        self.driver: TopologyTestDriver | None = None

    def stream(self, topic: str = "in", value_type: Any = str) -> KStream[Any, Any]:
        return self.builder.stream(topic, key_type=str, value_type=value_type)

    def run(self, *pairs: tuple[Any, ...], value_type: Any = str, **driver: Any) -> list[tuple[Any, Any]]:
        """Pipe (key, value) or (key, value, timestamp) into "in"; what came out of "out"."""
        if self.driver is None:
            self.driver = TopologyTestDriver(self.builder, **driver)
        self.pipe("in", *pairs, value_type=value_type)
        return self.output()

    def pipe(self, topic: str, *pairs: tuple[Any, ...], value_type: Any = str) -> None:
        if self.driver is None:
            self.driver = TopologyTestDriver(self.builder)
        given = self.driver.create_input_topic(topic, str, value_type)
        for pair in pairs:
            given.pipe_input(*pair)

    def output(self, topic: str = "out") -> list[tuple[Any, Any]]:
        """All of it, from the beginning; what is no JSON is text."""
        assert self.driver is not None
        pairs = self.driver.create_output_topic(topic, str, bytes).read_key_values_to_list()
        return [(key, plain(value)) for key, value in pairs]

    def records(self, topic: str = "out") -> list[tuple[Any, Any, int]]:
        """All of it with times: keys are text, values JSON."""
        assert self.driver is not None
        found = self.driver.create_output_topic(topic, str).read_records_to_list()
        return [(row.key, row.value, row.timestamp) for row in found]


def plain(value: bytes | None) -> Any:
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        return value.decode()


@pytest.fixture(autouse=True)
def benches() -> Iterator[None]:
    yield
    while Bench.made:
        driver = Bench.made.pop().driver
        if driver is not None:
            driver.close()


@pytest.fixture
def bench() -> Bench:
    return Bench()


MakeBench = Callable[[], Bench]
