"""Owns: what workers of Kafka Connect do with our wire port, alone and several together, and after a crash."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from streamz_core.aiokafka import AIOKafkaConsumer
from tests.clients.connect_worker import SETTINGS, ConnectWorker, properties

WAIT_S = 60
TURN_S = 0.05
FIRST, SECOND, THIRD = ([f"{turn} {number}" for number in range(5_000)] for turn in ("one", "two", "three"))

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def source(tmp_path):
    """A file that a connector sends line by line."""
    (tmp_path / "in.txt").touch()
    return {"connector.class": "FileStreamSource", "file": f"{tmp_path}/in.txt", "topic": "lines"}


@pytest.fixture
def sink(tmp_path):
    """A file that a connector writes what it reads to."""
    return {
        "connector.class": "FileStreamSink",
        "file": f"{tmp_path}/out.txt",
        "topics": "lines",
        "consumer.override.isolation.level": "read_committed",
    }


def append(source, lines):
    with open(source["file"], "a") as file:
        file.writelines(f"{line}\n" for line in lines)


def wait_until(is_so, what):
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(TURN_S)


def wait_for_line(sink, line, worker):
    def is_there():
        try:
            with open(sink["file"]) as file:
                return f"{line}\n" in file
        except FileNotFoundError:
            return False

    wait_until(is_there, worker.said)


async def in_topic(address, lines):
    """Assert that the topic has these lines, each of them once, and nothing else that is committed."""
    consumer = AIOKafkaConsumer(
        "lines", bootstrap_servers=address, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    async with consumer:
        read = [(await consumer.getone()).value.decode() for _ in lines]
        rest = [value for batch in (await consumer.getmany(timeout_ms=0)).values() for value in batch]
    assert read == lines
    assert rest == []


async def test_a_standalone_worker_goes_on_where_it_stopped(java, served, source, sink, tmp_path):
    settings = properties(
        tmp_path / "worker.properties",
        {
            **SETTINGS,
            "bootstrap.servers": served.address,
            "offset.storage.file.filename": f"{tmp_path}/offsets",
        },
    )
    given = (
        settings,
        properties(tmp_path / "in.properties", {"name": "in", **source}),
        properties(tmp_path / "out.properties", {"name": "out", **sink}),
    )
    for lines in (FIRST, SECOND):
        append(source, lines)
        with ConnectWorker("ConnectStandalone", *given) as worker:
            wait_for_line(sink, lines[-1], worker)
            worker.stop()

    await in_topic(served.address, FIRST + SECOND)
    with open(sink["file"]) as file:
        assert file.read().splitlines() == FIRST + SECOND


def distributed(served, tmp_path):
    """A worker of the group ``connect``, whose sources are exactly once."""
    settings = {
        **SETTINGS,
        "bootstrap.servers": served.address,
        "group.id": "connect",
        "exactly.once.source.support": "enabled",
        "scheduled.rebalance.max.delay.ms": "0",
        "offset.storage.partitions": "3",
        **{f"{kind}.storage.topic": f"connect-{kind}" for kind in ("config", "offset", "status")},
        **{f"{kind}.storage.replication.factor": "1" for kind in ("config", "offset", "status")},
    }
    return ConnectWorker("ConnectDistributed", properties(tmp_path / "worker.properties", settings))


def running_at(worker, count):
    """Wait until all connectors and tasks run, at so many workers."""

    def are():
        found = worker.ask("GET", "connectors?expand=status").values()
        units = [unit for one in found for unit in (one["status"]["connector"], *one["status"]["tasks"])]
        workers = {unit["worker_id"] for unit in units}
        return [unit["state"] for unit in units] == ["RUNNING"] * 4 and len(workers) == count

    wait_until(are, worker.said)


async def test_distributed_workers_share_crash_and_are_exactly_once(java, served, source, sink, tmp_path):
    with ExitStack() as workers:
        first = workers.enter_context(distributed(served, tmp_path))
        assert first.ask("GET", "connectors") == []
        first.ask("POST", "connectors", {"name": "in", "config": source})
        first.ask("POST", "connectors", {"name": "out", "config": sink})
        append(source, FIRST)
        wait_for_line(sink, FIRST[-1], first)
        append(source, SECOND)
        wait_for_line(sink, SECOND[0], first)
        first.kill()  # wherever it is in the second part

        second = workers.enter_context(distributed(served, tmp_path))
        third = workers.enter_context(distributed(served, tmp_path))
        running_at(third, 2)
        append(source, THIRD)
        wait_for_line(sink, THIRD[-1], third)
        second.stop()
        running_at(third, 1)
        third.ask("PUT", "connectors/in/stop")
        third.ask("DELETE", "connectors/in/offsets")
        third.ask("DELETE", "connectors/out")
        assert third.ask("GET", "connectors/in/offsets") == {"offsets": []}
        third.stop()

    await in_topic(served.address, FIRST + SECOND + THIRD)
    with open(sink["file"]) as file:
        assert set(FIRST + SECOND + THIRD) <= set(file.read().splitlines())
