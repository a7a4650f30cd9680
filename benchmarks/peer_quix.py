"""Quix Streams on the same workload: ``python -m benchmarks.peer_quix forward|window COUNT HOST:PORT``.

Owns: the two jobs of ``agents`` as Quix dataframes, over a Kafka broker. Prints a line of JSON: seconds and records.
Must not know: streamz_core: it runs in an interpreter of its own, that has quixstreams and nothing of ours.

Topics of one partition, made and filled before, keyed by page for the windows, so that nothing is repartitioned.
Timed from the first record that is handled until the application has flushed, committed and stopped. The settings
are Quix's defaults: at least once, state in RocksDB with a changelog.
"""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from datetime import timedelta
from time import perf_counter
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from quixstreams import Application

from benchmarks.workload import views

WINDOW, GRACE = timedelta(seconds=10), timedelta(seconds=2)


def fill(broker: str, topics: list[str], count: int, *, by_page: bool) -> None:
    """Make the topics, and write the workload to the first of them."""
    new = [NewTopic(topic, 1, 1, config={"retention.ms": "-1"}) for topic in topics]
    admin = AdminClient({"bootstrap.servers": broker})
    for made in admin.create_topics(new).values():
        made.result()
    producer = Producer({"bootstrap.servers": broker, "queue.buffering.max.messages": 2_000_000})
    for key, value, timestamp in zip(*views(count), strict=True):
        keyed = json.loads(value)["page"].encode() if by_page else key
        producer.produce(topics[0], value, keyed, timestamp=timestamp)
    producer.flush()


class Finish:
    """Counts what was handled; after the last one the application is stopped."""

    def __init__(self, app: Application, count: int) -> None:
        self._app = app
        self._left = count
        self.began = 0.0

    def __call__(self, _: Any) -> None:
        """One record more."""
        if not self.began:
            self.began = perf_counter()
        self._left -= 1
        if not self._left:
            self._app.stop()


def forward(app: Application, topics: list[str], finish: Finish) -> None:
    """Parse, filter, map, encode."""
    views_read = app.dataframe(app.topic(topics[0], value_deserializer="json"))
    views_read = views_read.update(finish)
    slow = views_read[views_read["ms"] > 500]
    slow = slow.apply(lambda view: {"page": view["page"], "seconds": view["ms"] / 1000})
    slow.to_topic(app.topic(topics[1], value_serializer="json"))


def window(app: Application, topics: list[str], finish: Finish) -> None:
    """Count per page and 10 s of the record's time."""
    views_read = app.dataframe(app.topic(topics[0], value_deserializer="json")).update(finish)
    views_read.tumbling_window(WINDOW, grace_ms=GRACE).count().current()


def main() -> None:
    job, count, broker = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    name = f"bench-{uuid.uuid4().hex[:8]}"
    topics = [f"{name}-views", f"{name}-slow"]
    fill(broker, topics, count, by_page=job == "window")
    with tempfile.TemporaryDirectory(prefix="streamz-bench-quix-") as directory:
        app = Application(
            broker_address=broker,
            consumer_group=name,
            auto_offset_reset="earliest",
            state_dir=directory,
            loglevel="ERROR",
        )
        finish = Finish(app, count)
        {"forward": forward, "window": window}[job](app, topics, finish)
        app.run()
        took = perf_counter() - finish.began
    print(json.dumps({"seconds": took, "put_out": count}), flush=True)


if __name__ == "__main__":
    main()
