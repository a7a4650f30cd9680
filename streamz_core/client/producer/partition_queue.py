"""The batches of one partition that have not been acknowledged yet, oldest first.

Owns: ``PartitionQueue``: the open batch, the sealed ones, the one request in flight, and the place
in the idempotent sequence.
Must not know: requests, other partitions.

A partition has one request in flight, so its batches reach the log in the order they were filled,
whatever has to be repeated.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections import deque

from streamz_core.client.producer.batch import ProducerBatch
from streamz_core.client.producer.identity import NO_IDENTITY, ProducerIdentity
from streamz_core.clock import Cancellable
from streamz_core.model import TopicPartition


class PartitionQueue:
    """What waits to be in one partition's log."""

    __slots__ = (
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

    def __init__(self, topic: str, partition: int) -> None:
        self.topic_partition = TopicPartition(topic, partition)
        self.partition = partition
        self.open: ProducerBatch | None = None
        self.ready: deque[ProducerBatch] = deque()
        self.in_flight: list[ProducerBatch] = []
        self.draining = False
        self.linger: Cancellable | None = None
        self.identity: ProducerIdentity = NO_IDENTITY
        self.sequence = 0

    def seal(self) -> ProducerBatch | None:
        """Close the open batch for more records and line it up; None where there is none.

        One that was opened for a record that was then refused holds none, and is dropped.
        """
        batch, self.open = self.open, None
        if self.linger is not None:
            self.linger.cancel()
            self.linger = None
        if batch is None or len(batch) == 0:
            return None
        self.ready.append(batch)
        return batch

    def take(self, bytes_max: int) -> list[ProducerBatch]:
        """The next batches to send together: at least one, at most ``bytes_max`` by estimate."""
        group = [self.ready.popleft()]
        size = group[0].size_bytes
        while self.ready and size + self.ready[0].size_bytes <= bytes_max:
            size += self.ready[0].size_bytes
            group.append(self.ready.popleft())
        self.in_flight = group
        return group

    def last(self) -> ProducerBatch | None:
        """The youngest batch that is not done: once it is, all are."""
        if self.open is not None:
            return self.open
        if self.ready:
            return self.ready[-1]
        return self.in_flight[-1] if self.in_flight else None

    def unacknowledged(self) -> list[ProducerBatch]:
        """Every batch that is not done."""
        return [*self.in_flight, *self.ready, *([self.open] if self.open is not None else [])]
