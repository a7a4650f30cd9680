"""A record into the open batch of its partition, where nothing has to be waited for.

Owns: ``OpenBatches``: the hot path of programs that send record by record, and when it has to make way for
others; ``Route``: the partitions of a topic.
Must not know: how batches are sent, metadata, what to tell a program that did wrong.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from mypy_extensions import i64

from streamz_core.client.producer.batch import RecordFuture
from streamz_core.client.producer.batch_builder import BATCH_HEADER_BYTES, RECORD_OVERHEAD_BYTES, record_size
from streamz_core.client.producer.partition_queue import PartitionQueue
from streamz_core.client.producer.record_fields import check_headers
from streamz_core.client.producer.send_buffer import SendBuffer
from streamz_core.model import Header
from streamz_core.protocol.murmur2 import partition_of

_TURN_BYTES: Final = 1_048_576
"""So much is taken from senders that never wait, before others on the event loop get a turn."""


class Route:
    """The partitions of one topic; ``sticky`` is the one that records without a key go to, -1 for none."""

    __slots__ = ("queues", "sticky", "topic")

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.queues: list[PartitionQueue] = []
        self.sticky = -1


class OpenBatches:
    """The open batches of one producer, by topic and partition."""

    __slots__ = (
        "_batch_bytes_max",
        "_buffer",
        "_hashes_keys",
        "_last_route",
        "_lingers",
        "_loop",
        "_monotonic_ms",
        "_now_ms",
        "_opened",
        "_timeout_ms",
        "_turn_bytes",
        "_wake",
        "routes",
    )

    def __init__(
        self,
        buffer: SendBuffer,
        batch_bytes_max: int,
        *,
        hashes_keys: bool,
        lingers: bool,
        timeout_ms: float,
        now_ms: Callable[[], int],
        monotonic_ms: Callable[[], float],
        opened: Callable[[PartitionQueue], None],
        wake: Callable[[PartitionQueue], None],
    ) -> None:
        """``hashes_keys``: Kafka's own partitioning is wanted, not one of the program's.

        ``opened`` is told of a new batch where nobody else will seal it: where it ``lingers``, and where its
        queue is not being drained. ``wake`` is told of a sealed one. ``timeout_ms`` is how long a record is tried.
        """
        self._buffer = buffer
        self._batch_bytes_max: i64 = batch_bytes_max
        self._hashes_keys = hashes_keys
        self._lingers = lingers
        self._timeout_ms = timeout_ms
        self._now_ms = now_ms
        self._monotonic_ms = monotonic_ms
        self._opened = opened
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._turn_bytes: i64 = 0
        self._last_route: Route | None = None
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
        route = self._last_route  # most programs send to one topic many times
        if route is None or route.topic is not topic:
            route = self.routes.get(topic)
            if route is None:
                return None
            self._last_route = route
        queue = self._queue(route, value, key, partition)
        if queue is None:
            return None
        size: i64 = _size(key, value)
        if size < 0:
            return None
        if headers:
            if not isinstance(headers, (list, tuple)):  # what can be gone through only once
                return None
            headers = check_headers(headers)
            size += record_size(None, None, headers) - RECORD_OVERHEAD_BYTES
        # Kept as the object it is: compiled code would make a new one of a number.
        stamp: Any = self._now_ms() if timestamp_ms is None else timestamp_ms
        if not _is_timestamp(stamp):
            return None
        batch = queue.open
        if batch is None or batch.room_bytes < size:
            if size > self._batch_bytes_max or not self.make_room(queue, size):
                return None
            batch = queue.open
        assert batch is not None
        writer = batch.writer
        assert writer is not None
        writer.append(key, value, stamp, headers)  # type: ignore[arg-type]  # _size has looked at them
        batch.room_bytes -= size
        index = batch.record_count
        if index == 0:
            batch.first_timestamp = stamp
        batch.record_count = index + 1
        return RecordFuture(batch, index, stamp)

    def make_room(self, queue: PartitionQueue, size: i64) -> bool:
        """See that an open batch has room for ``size`` bytes; False where that has to wait.

        It has to where the buffer is full, and where it is the turn of others (``is_others_turn``). False on another
        event loop than the producer's, too: whoever has time for it tells the caller.
        """
        batch = queue.open
        if batch is not None and batch.room_bytes >= size:
            return True
        # Not asked for each record, which would cost a tenth of a send(). There is no need: compiled, nothing else
        # runs from where append() looks at the batch to its end, and no other thread finds half a record.
        if asyncio.get_running_loop() is not self._loop:
            return False
        if batch is not None and queue.seal() is not None:
            self._turn_bytes += batch.size_bytes
            if not queue.draining:
                self._wake(queue)
        if self.is_others_turn() or not self._buffer.has_room():
            return False
        room: i64 = self._batch_bytes_max - BATCH_HEADER_BYTES
        if room < size:  # noqa: PLR1730 - max() is a call
            room = size
        queue.begin(room, self._monotonic_ms() + self._timeout_ms, self._loop)
        if self._lingers or not queue.draining:
            self._opened(queue)
        return True

    def is_others_turn(self) -> bool:
        """Whether so much was taken without a wait that others on the event loop should get a turn."""
        return self._turn_bytes >= _TURN_BYTES

    def took(self, size_bytes: i64) -> None:
        """A whole batch was lined up without a wait."""
        self._turn_bytes += size_bytes

    def begin_turn(self) -> None:
        """Others had theirs."""
        self._turn_bytes = 0

    def _queue(self, route: Route, value: object, key: object, partition: object) -> PartitionQueue | None:
        """Where the record goes, if that can be told without asking anyone."""
        queues = route.queues
        if partition is not None:
            if type(partition) is int and 0 <= partition < len(queues):
                return queues[partition]
        elif self._hashes_keys:
            if isinstance(key, bytes):
                return queues[partition_of(key, len(queues))]
            if key is None and value is not None and route.sticky >= 0:
                queue = queues[route.sticky]
                return queue if queue.open is not None else None  # where it has none, another's turn has come
        return None


def _size(key: object, value: object) -> i64:
    """What the record takes in a batch, by estimate; -1 where key or value are not bytes."""
    size: i64 = RECORD_OVERHEAD_BYTES
    if isinstance(key, bytes):
        size += len(key)
    elif key is not None:
        return -1
    if isinstance(value, bytes):
        size += len(value)
    elif value is not None:
        return -1
    return size


def _is_timestamp(stamp: object) -> bool:
    return type(stamp) is int and stamp >= 0
