"""What every benchmark is given, and the topics it works on.

Owns: ``Setting``: the workload in the shapes that rows need, rounds, scratch directories; making topics.
Must not know: what is measured.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.workload import Views, views
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.murmur2 import partitions_for

PARTITIONS = 4
BATCH_RECORDS = 1_000
TOPIC = "views"
# The workload's event time is its own; retention by time must not take it away.
CONFIGS = {"retention.ms": "-1"}


class PartitionBatch(NamedTuple):
    """Consecutive views of one partition."""

    partition: int
    views: Views


class Setting:
    """One run of benchmarks."""

    def __init__(self, count: int, rounds: int, directory: str | None) -> None:
        """``count`` views, medians of ``rounds``, scratch files under ``directory``."""
        self.count = count
        self.rounds = rounds
        self.directory = directory

    @cached_property
    def views(self) -> Views:
        """The workload."""
        made = views(self.count)
        gc.collect()
        gc.freeze()
        return made

    @cached_property
    def batches(self) -> list[PartitionBatch]:
        """The workload by partition, in batches, in the order in which they fill up."""
        keys, values, timestamps = self.views
        filling = [Views([], [], []) for _ in range(PARTITIONS)]
        done = []
        for at, partition in enumerate(partitions_for(keys, PARTITIONS)):
            batch = filling[partition]
            batch.keys.append(keys[at])
            batch.values.append(values[at])
            batch.timestamps.append(timestamps[at])
            if len(batch.keys) == BATCH_RECORDS:
                done.append(PartitionBatch(partition, batch))
                filling[partition] = Views([], [], [])
        done += [PartitionBatch(p, batch) for p, batch in enumerate(filling) if batch.keys]
        # Lists of a million entries that live on: not for the collector to walk, on either side.
        gc.collect()
        gc.freeze()
        return done

    def keyed_by(self, key: Callable[[Any], str]) -> Setting:
        """The same views under other keys, made from their values."""
        made = Setting(self.count, self.rounds, self.directory)
        keys = [key(msgspec.json.decode(value)).encode() for value in self.views.values]
        made.views = self.views._replace(keys=keys)
        return made

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A directory that is gone afterwards."""
        path = tempfile.mkdtemp(prefix="streamz-bench-", dir=self.directory)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


async def make_topic(address: str, topic: str = TOPIC, configs: dict[str, str] = CONFIGS) -> None:
    """Create a topic of ``PARTITIONS``."""
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        made = await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=configs)])
        made.raise_for_errors()


async def fill(address: str, batches: list[PartitionBatch], topic: str = TOPIC) -> None:
    """Make a topic and write ``batches`` to it."""
    await make_topic(address, topic)
    async with AIOKafkaProducer(bootstrap_servers=address, acks=1) as producer:
        for partition, part in batches:
            await producer.send_columns(topic, partition, *part)


def all_partitions(topic: str = TOPIC) -> list[TopicPartition]:
    """The topic's partitions."""
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]


def log_files(directory: str, topic: str = TOPIC) -> list[Path]:
    """The ``.log`` files of a topic, partition by partition, in order of their offsets."""
    partitions = Path(directory, "log").glob(f"{topic}-*")
    return [path for partition in sorted(partitions) for path in sorted(partition.glob("*.log"))]
