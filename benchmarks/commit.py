"""Committing a group's offsets, each commit awaited before the next one: what every consumer waits for.

Ours is ``await consumer.commit(offsets)`` of four partitions, at level ``sync``: from the call to the offsets
on the disk and the answer.

Reference: the same bytes, those that a commit leaves in ``__consumer_offsets``, written to the end of a plain
file on the same disk (``pwrite``) and synced (``fdatasync``). No thread, no event loop. That file grows, while the
log's takes its space ahead, 16 KiB at a time (``preallocate``): a sync of one that grows is a write more.
A disk's moods change faster than rounds do: the two take turns commit by commit, and the medians of all of them
count. The target, 1.5 of the reference's time, is 0.67 of its rate.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.figures import Figure
from benchmarks.measuring import Comparison, Sample
from benchmarks.setting import TOPIC, Setting, all_partitions, log_files, make_topic
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer

COMMITS = 300
"""Of a round."""
OFFSETS_TOPIC = "__consumer_offsets"


async def commit(setting: Setting) -> list[Figure]:
    """One commit of four partitions at a time."""
    count = COMMITS * setting.rounds
    ours: list[Sample] = []
    reference: list[Sample] = []
    with setting.scratch() as directory, Path(directory, "plain").open("wb", buffering=0) as file:
        async with _member(f"file://{directory}/data", count) as consumer:
            await consumer.commit(dict.fromkeys(all_partitions(), 0))  # makes the internal topic
            piece = b"".join(path.read_bytes() for path in log_files(f"{directory}/data", OFFSETS_TOPIC))
            for offset in range(1, count + 1):
                begun = _now()
                await consumer.commit(dict.fromkeys(all_partitions(), offset))
                committed = _now()
                _write_and_sync(file.fileno(), piece, offset * len(piece))
                ours.append(_between(begun, committed))
                reference.append(_between(committed, _now()))
    found = Comparison.of(ours, reference)
    return [found.rate("commit of a group's offsets, sync", 1, at_least=1 / 1.5, unit="commits/s")]


@asynccontextmanager
async def _member(address: str, count: int) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of a topic with ``count`` records in each partition."""
    await make_topic(address)
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for partition in all_partitions():
            await producer.send_columns(TOPIC, partition.partition, None, [b"view"] * count, [0] * count)
    async with AIOKafkaConsumer(
        bootstrap_servers=address, group_id="views", enable_auto_commit=False
    ) as consumer:
        consumer.assign(all_partitions())
        yield consumer


def _write_and_sync(fd: int, piece: bytes, position: int) -> None:
    assert os.pwrite(fd, piece, position) == len(piece)
    os.fdatasync(fd)


def _now() -> Sample:
    return Sample(perf_counter(), process_time())


def _between(begun: Sample, ended: Sample) -> Sample:
    return Sample(ended.wall_s - begun.wall_s, ended.cpu_s - begun.cpu_s)


ROWS = {"commit": commit}
