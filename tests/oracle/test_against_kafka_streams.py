"""Random topologies give what Kafka Streams gives: record by record, with times and tombstones.

The ``.json.gz`` files hold topologies, inputs and what Kafka Streams 4.1 made of them in its own driver. Differences on
purpose are in ``docs/differences-from-kafka-streams.md``; the programs keep clear of them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamz_core.testing import TopologyTestDriver
from tests.oracle.topology import Topology


def read_cases() -> Iterator[dict[str, Any]]:
    for path in sorted(Path(__file__).parent.glob("*.json.gz")):
        with gzip.open(path) as file:
            yield from map(json.loads, file)


CASES = list(read_cases())
GROUP = 50
"""Cases a test."""


def outputs(case: dict[str, Any]) -> dict[str, list[list[Any]]]:
    with TopologyTestDriver(Topology(case).builder) as driver:
        topics = {record[0]: driver.create_input_topic(record[0], str, str) for record in case["records"]}
        for topic, key, value, timestamp in case["records"]:
            topics[topic].pipe_input(key, value, timestamp)
        found = {topic: driver.create_output_topic(topic, str, str) for topic in case["outputs"]}
        return {
            name: [[row.key, row.value, row.timestamp] for row in topic.read_records_to_list()]
            for name, topic in found.items()
        }


@pytest.mark.parametrize("start", range(0, len(CASES), GROUP))
def test_every_record_is_the_same(start: int) -> None:
    for case in CASES[start : start + GROUP]:
        assert outputs(case) == case["outputs"], json.dumps(case)
