"""Faust on the same workload: ``python -m benchmarks.peer_faust forward|window COUNT HOST:PORT``.

Owns: the two jobs of ``agents`` as Faust agents, over a Kafka broker. Prints a line of JSON: seconds and records.
Must not know: streamz_core: it runs in an interpreter of its own, that has faust-streaming and nothing of ours.

Topics of one partition, made and filled before, so that nothing is repartitioned; gone afterwards. Timed from the first
record an agent is given until the last one's output and changelog are acknowledged. Faust's settings are its
defaults but for ``producer_linger``: with its default of 0 every output is a request.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import uuid
from time import perf_counter
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.workload import views

LINGER_S = 0.02
WINDOW_S, GRACE_S = 10, 2


async def fill(broker: str, topics: list[str], count: int) -> None:
    """Make the topics, and write the workload to the first of them, keyed by user."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(topic, 1, 1, topic_configs={"retention.ms": "-1"}) for topic in topics]
        )
    finally:
        await admin.close()
    made = views(count)
    async with AIOKafkaProducer(bootstrap_servers=broker, linger_ms=5) as producer:
        for key, value, timestamp in zip(*made, strict=True):
            await producer.send(topics[0], value, key, 0, timestamp)


def store() -> str:
    """RocksDB, where its Python package is there too."""
    try:
        import rocksdict  # noqa: F401
    except ImportError:
        return "memory://"
    return "rocksdb://"


class Finish:
    """Counts what an agent has handled; after the last one the process tells the time and ends."""

    def __init__(self, app: faust.App, count: int) -> None:
        self._app = app
        self._left = self._count = count
        self._began = 0.0

    async def handled(self) -> None:
        """One record more."""
        if self._left == self._count:
            self._began = perf_counter()
        self._left -= 1
        if self._left:
            return
        await self._app.producer.flush()
        took = perf_counter() - self._began
        print(json.dumps({"seconds": took, "put_out": self._count}), flush=True)
        os._exit(0)  # a worker takes seconds to stop


def forward(app: faust.App, topics: list[str], finish: Finish) -> None:
    """Parse, filter, map, encode."""
    slow = app.topic(topics[1], partitions=1)

    @app.agent(app.topic(topics[0], value_serializer="json"))
    async def slow_views(stream: Any) -> None:
        async for view in stream:
            if view["ms"] > 500:
                await slow.send(key=view["user"], value={"page": view["page"], "seconds": view["ms"] / 1000})
            await finish.handled()


def window(app: faust.App, topics: list[str], finish: Finish) -> None:
    """Count per page and 10 s of the record's time."""
    counts = app.Table("counts", default=int, partitions=1).tumbling(WINDOW_S, expires=WINDOW_S + GRACE_S)

    @app.agent(app.topic(topics[0], value_serializer="json"))
    async def count(stream: Any) -> None:
        async for view in stream:
            counts[view["page"]] += 1
            await finish.handled()


def main() -> None:
    job, count, broker = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    logging.getLogger().setLevel(logging.ERROR)
    name = f"bench-{uuid.uuid4().hex[:8]}"
    topics = [f"{name}-views", f"{name}-slow"]
    with tempfile.TemporaryDirectory(prefix="streamz-bench-faust-") as directory:
        app = faust.App(
            name,
            broker=f"kafka://{broker}",
            store=store(),
            datadir=directory,
            producer_linger=LINGER_S,
            topic_partitions=1,
            topic_replication_factor=1,
            web_enabled=False,
        )
        {"forward": forward, "window": window}[job](app, topics, Finish(app, count))
        worker = faust.Worker(app, loglevel="ERROR", redirect_stdouts=False)
        worker.loop.run_until_complete(fill(broker, topics, count))
        worker.execute_from_commandline()


if __name__ == "__main__":
    main()
