"""The batches of one partition that have not been acknowledged yet, oldest first.

Owns: ``PartitionQueue``: the open batch, the sealed ones, the one request in flight, and the place
in the idempotent sequence.
Must not know: requests, other partitions.

A partition has one request in flight, so its batches reach the log in the order they were filled,
whatever has to be repeated.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import asyncio
from collections import deque

from mypy_extensions import i64

from streamz_core.client.producer.batch import ProducerBatch
from streamz_core.client.producer.identity import NO_IDENTITY, ProducerIdentity
from streamz_core.client.producer.send_buffer import SendBuffer
from streamz_core.clock import Cancellable
from streamz_core.model import TopicPartition


class PartitionQueue:
    """What waits to be in one partition's log."""

    __slots__ = (
        "buffer",
        "draining",
        "identity",
        "in_flight",
        "linger",
        "open",
        "partition",
        "ready",
        "sequence",
        "topic_partition",
    )

    def __init__(self, topic: str, partition: int, buffer: SendBuffer) -> None:
        self.buffer = buffer
        self.topic_partition = TopicPartition(topic, partition)
        self.partition = partition
        self.open: ProducerBatch | None = None
        self.ready: deque[ProducerBatch] = deque()
        self.in_flight: list[ProducerBatch] = []
        self.draining = False
        self.linger: Cancellable | None = None
        self.identity: ProducerIdentity = NO_IDENTITY
        self.sequence = 0

    def begin(self, room_bytes: i64, deadline_ms: float, loop: asyncio.AbstractEventLoop) -> None:
        """Open a batch with room for that much."""
        batch = ProducerBatch(self.topic_partition, room_bytes, loop)
        batch.deadline_ms = deadline_ms
        batch.writer = self.buffer.writer()
        self.open = batch

    def seal(self) -> ProducerBatch | None:
        """Close the open batch for more records and line it up; None where there is none.

        One that was opened for a record that was then refused holds none, and is dropped.
        """
        batch, self.open = self.open, None
        if self.linger is not None:
            self.linger.cancel()
            self.linger = None
        if batch is None:
            return None
        writer, batch.writer = batch.writer, None
        if writer is not None:
            batch.raw = self.buffer.take_from(writer)
        if batch.record_count == 0:
            return None
        batch.size_bytes = batch.capacity_bytes - batch.room_bytes
        self.push(batch)
        return batch

    def push(self, batch: ProducerBatch) -> None:
        """Line up a batch that takes no more records."""
        self.ready.append(batch)
        self.buffer.hold(batch.size_bytes)

    def finish(self) -> None:
        """The batches in flight are done."""
        for batch in self.in_flight:
            self.buffer.release(batch.size_bytes)
        self.in_flight = []

    def take(self, bytes_max: int) -> list[ProducerBatch]:
        """The next batches to send together: at least one, at most ``bytes_max`` by estimate."""
        group = [self.ready.popleft()]
        size = group[0].size_bytes
        while self.ready and size + self.ready[0].size_bytes <= bytes_max:
            size += self.ready[0].size_bytes
            group.append(self.ready.popleft())
        self.in_flight = group
        return group

    def unacknowledged(self) -> list[ProducerBatch]:
        """Every batch that is not done."""
        return [*self.in_flight, *self.ready, *([self.open] if self.open is not None else [])]
