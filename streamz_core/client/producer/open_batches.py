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

    __slots__ = ("_batch_bytes_max", "_hashes_keys", "_make_room", "_now_ms", "routes")

    def __init__(
        self,
        batch_bytes_max: int,
        *,
        hashes_keys: bool,
        now_ms: Callable[[], int],
        make_room: Callable[[PartitionQueue, int], bool],
    ) -> None:
        """``hashes_keys``: Kafka's own partitioning is wanted, not one of the program's.

        ``make_room`` opens a batch with room for so many bytes, or tells that this has to wait.
        """
        self._batch_bytes_max: i64 = batch_bytes_max
        self._hashes_keys = hashes_keys
        self._now_ms = now_ms
        self._make_room = make_room
        self.routes: dict[str, Route] = {}

    def append(
        self,
        topic: str,
        value: object,
        key: object,
        partition: object,
        timestamp_ms: object,
        headers: Sequence[Header] | None,
    ) -> RecordFuture | None:
        """Append the record and return its future; None where that takes more than appending.

        None, with nothing done, for whatever is not usual: a topic not known yet, room to be waited for, a
        partitioner of the program's, content that is not bytes, and most of what is to be refused. Raises
        ``Misuse`` for a timestamp or headers that no record can have.
        """
        route = self.routes.get(topic)
        if route is None:
            return None
        queue = self._queue(route, value, key, partition)
        if queue is None:
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
        batch = queue.open
        if batch is None or batch.room_bytes < size:
            if size > self._batch_bytes_max or not self._make_room(queue, size):
                return None
            batch = queue.open
        assert batch is not None
        writer = batch.writer
        assert writer is not None
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
                queue = queues[route.sticky]
                return queue if queue.open is not None else None  # where it has none, another's turn has come
        return None
