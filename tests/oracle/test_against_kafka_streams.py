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
        for number, (topic, key, value, timestamp) in enumerate(case["records"]):
            topics[topic].pipe_input(key, value, timestamp, headers=[("number", b"%d" % number)])
        found = {topic: driver.create_output_topic(topic, str, str) for topic in case["outputs"]}
        return {name: [_fields(row) for row in topic.read_records_to_list()] for name, topic in found.items()}


def _fields(row: Any) -> list[Any]:
    """Key, value, time, and which record's headers it has."""
    number = dict(row.headers).get("number")
    return [row.key, row.value, row.timestamp, None if number is None else number.decode()]


def compared(case: dict[str, Any], rows: dict[str, list[list[Any]]]) -> dict[str, list[list[Any]]]:
    """What must be the same: everything, but for the headers of what comes out of windows."""
    has_windows = any(step["op"] == "window_stream" for step in case["steps"])
    told = min((len(row) for found in case["outputs"].values() for row in found), default=4)
    columns = 3 if has_windows else told
    return {topic: [row[:columns] for row in found] for topic, found in rows.items()}


@pytest.mark.parametrize("start", range(0, len(CASES), GROUP))
def test_every_record_is_the_same(start: int) -> None:
    for case in CASES[start : start + GROUP]:
        assert compared(case, outputs(case)) == compared(case, case["outputs"]), json.dumps(case)
