"""Producing in batches: ``send_columns`` of 1,000 records, four partitions, against a plain file.

Reference: the same ``encode`` of the same columns, each batch written to one file as it is encoded. For
``sync`` it also does an fdatasync whenever 10 ms have passed since the last one, and one at the end. Both
sides are timed from the first batch until the last one is acknowledged (written, synced); opening the log
and making the topic are not part of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.measuring import Sample, Stopwatch, compare
from benchmarks.setting import TOPIC, PartitionBatch, Setting, make_topic
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.protocol.record_batch import encode

SYNC_EVERY_S = 0.010


async def produce_os(setting: Setting) -> list[Figure]:
    """Acknowledged once the operating system has it."""
    found = await compare(
        lambda: _send(setting, 1), lambda: _write_file(setting, syncs=False), setting.rounds
    )
    return [found.rate("produce in batches, os", setting.count, at_least=0.75)]


async def produce_sync(setting: Setting) -> list[Figure]:
    """Acknowledged once it is on the disk."""
    found = await compare(
        lambda: _send(setting, "all"), lambda: _write_file(setting, syncs=True), setting.rounds
    )
    return [found.rate("produce in batches, sync", setting.count, at_least=0.75)]


async def _send(setting: Setting, acks: int | str) -> Sample:
    batches = setting.batches
    with setting.scratch() as directory:
        address = f"file://{directory}"
        async with AIOKafkaProducer(bootstrap_servers=address, acks=acks) as producer:
            await make_topic(address)
            await producer.partitions_for(TOPIC)
            with Stopwatch() as watch:
                sent = [await producer.send_columns(TOPIC, part, *columns) for part, columns in batches]
                for future in sent:
                    await future
        return watch.sample


def _write_file(setting: Setting, *, syncs: bool) -> Sample:
    batches = setting.batches
    with setting.scratch() as directory, Path(directory, "plain").open("wb", buffering=0) as file:
        with Stopwatch() as watch:
            _write(file.fileno(), batches, syncs=syncs)
        return watch.sample


def _write(fd: int, batches: list[PartitionBatch], *, syncs: bool) -> None:
    synced = perf_counter()
    for _, columns in batches:
        data = encode(*columns)
        written = os.write(fd, data)
        assert written == len(data)
        if syncs and perf_counter() - synced >= SYNC_EVERY_S:
            os.fdatasync(fd)
            synced = perf_counter()
    if syncs:
        os.fdatasync(fd)


ROWS = {"produce_os": produce_os, "produce_sync": produce_sync}
