"""A record into the open batch of its partition, where nothing has to be waited for.

Owns: ``OpenBatches``: the hot path of programs that send record by record; ``Route``: the partitions of a
topic.
Must not know: how a batch comes to be open or is sent, metadata, what to tell a program that did wrong.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mypy_extensions import i64

from streamz_core.client.producer.batch import RecordFuture
from streamz_core.client.producer.batch_builder import RECORD_OVERHEAD_BYTES, record_size
from streamz_core.client.producer.partition_queue import PartitionQueue
from streamz_core.client.producer.record_fields import check_headers
from streamz_core.model import Header
from streamz_core.protocol.murmur2 import partition_for


class Route:
    """The partitions of one topic; ``sticky`` is the one that records without a key go to, -1 for none."""

    __slots__ = ("queues", "sticky", "topic")

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.queues: list[PartitionQueue] = []
        self.sticky = -1


class OpenBatches:
    """The open batches of one producer, by topic and partition."""

    __slots__ = ("_hashes_keys", "_now_ms", "routes")

    def __init__(self, *, hashes_keys: bool, now_ms: Callable[[], int]) -> None:
        """``hashes_keys``: Kafka's own partitioning is wanted, not one of the program's."""
        self._hashes_keys = hashes_keys
        self._now_ms = now_ms
        self.routes: dict[str, Route] = {}

    def append(  # noqa: C901 - one function for speed: a call per record costs
        self,
        topic: str,
        value: object,
        key: object,
        partition: object,
        timestamp_ms: object,
        headers: Sequence[Header] | None,
    ) -> RecordFuture | None:
        """Append the record and return its future; None where that takes more than appending.

        None, with nothing done, for whatever is not usual: a topic not known yet, no open batch with room, a
        partitioner of the program's, content that is not bytes, and most of what is to be refused. Raises
        ``Misuse`` for a timestamp or headers that no record can have.
        """
        route = self.routes.get(topic)
        if route is None:
            return None
        queue = self._queue(route, value, key, partition)
        if queue is None:
            return None
        batch = queue.open
        if batch is None:
            return None
        writer = batch.writer
        if writer is None:
            return None
        size: i64 = RECORD_OVERHEAD_BYTES
        if isinstance(key, bytes):
            size += len(key)
        elif key is not None:
            return None
        if isinstance(value, bytes):
            size += len(value)
        elif value is not None:
            return None
        if headers:
            if not isinstance(headers, (list, tuple)):  # what can be gone through only once
                return None
            headers = check_headers(headers)
            size = record_size(key, value, headers)
        if batch.room_bytes < size:
            return None
        timestamp = self._now_ms() if timestamp_ms is None else timestamp_ms
        if type(timestamp) is not int or timestamp < 0:
            return None
        writer.append(key, value, timestamp, headers or ())
        batch.room_bytes -= size
        timestamps = batch.timestamps
        timestamps.append(timestamp)
        return RecordFuture(batch, len(timestamps) - 1)

    def _queue(self, route: Route, value: object, key: object, partition: object) -> PartitionQueue | None:
        """Where the record goes, if that can be told without asking anyone."""
        queues = route.queues
        if partition is not None:
            if type(partition) is int and 0 <= partition < len(queues):
                return queues[partition]
        elif self._hashes_keys:
            if isinstance(key, bytes):
                return queues[partition_for(key, len(queues))]
            if key is None and value is not None and route.sticky >= 0:
                return queues[route.sticky]
        return None
