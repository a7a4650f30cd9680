"""A batch on its way to a partition, and what the sender of each of its records holds.

Owns: ``ProducerBatch``: the columns of records that will be encoded together, and what became of
them; ``RecordFuture``: one record's view of that.
Must not know: partitioning, requests, retries.

A future per record that each had to be completed by hand would cost more than encoding the record.
So a batch has one outcome, and a record's future is a view of two words that reads it when asked.
It is a future to asyncio (``await``, ``gather``, ``wait``, ``wait_for``, ``shield``, callbacks) by
the protocol of ``asyncio.isfuture``. Cancelling it gives up waiting; the record is sent all the same.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextvars import Context
from typing import Any, Final

from mypy_extensions import i64, mypyc_attr

from streamz_core.client.producer.named_tuple import named_tuple
from streamz_core.model import Header, RecordMetadata, TopicPartition
from streamz_core.protocol.batch_encoder import RawRecords, RecordWriter
from streamz_core.protocol.encoded_batches import EncodedBatch

CREATE_TIME: Final = 0
LOG_APPEND_TIME: Final = 1

Callback = tuple["RecordFuture", Callable[[Any], object], Context | None]
Columns = tuple[list[bytes | None], list[bytes | None], list[int], list[Sequence[Header]] | None]
"""Keys, values, timestamps, and headers if any record has some."""

_named_tuple: Final[Any] = named_tuple
_RECORD_METADATA: Final[Any] = RecordMetadata


class ProducerBatch:
    """Consecutive records for one partition; times are milliseconds.

    What came record by record is encoded as it comes, by ``writer``: while keys and values are in the
    processor's cache. What came whole is kept as ``columns`` until it is sent. Either way the encoded records
    are ``raw`` from then on. ``room_bytes`` is how much more the batch may take by estimate, ``encoded`` its
    header and records once they are fixed, kept for repeats so that a repeated batch has the same sequence
    numbers.
    """

    __slots__ = (
        "_callbacks",
        "_log_start_offset",
        "_partition",
        "_topic",
        "base_offset",
        "capacity_bytes",
        "columns",
        "deadline_ms",
        "encoded",
        "error",
        "first_timestamp",
        "is_done",
        "log_append_time_ms",
        "loop",
        "raw",
        "record_count",
        "room_bytes",
        "size_bytes",
        "topic_partition",
        "writer",
    )

    def __init__(
        self, topic_partition: TopicPartition, room_bytes: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.topic_partition = topic_partition
        self.capacity_bytes: i64 = room_bytes
        self.room_bytes: i64 = room_bytes
        self.size_bytes: i64 = 0
        self.loop = loop
        self.columns: Columns | None = None
        self.record_count: i64 = 0
        # A whole number; as such, compiled code would make a new object of it whenever it handed it on.
        self.first_timestamp: Any = -1
        self.writer: RecordWriter | None = None
        self.deadline_ms = 0.0
        self.raw: RawRecords | None = None
        self.encoded: EncodedBatch | None = None
        self.is_done = False
        self.error: BaseException | None = None
        self.base_offset: i64 = -1
        self.log_append_time_ms: i64 = -1
        # As every record's metadata has them: objects, so that compiled code makes none for each record.
        self._topic: Any = topic_partition.topic
        self._partition: Any = topic_partition.partition
        self._log_start_offset: Any = None
        self._callbacks: list[Callback] | None = None

    def __len__(self) -> int:
        """The number of records."""
        return self.record_count

    def first(self) -> RecordFuture:
        """The first record's future: it is done when all of them are."""
        return RecordFuture(self, 0, self.first_timestamp)

    def hold(self, record_count: i64, first_timestamp: Any) -> None:
        """So many records came whole, the first of them with that timestamp."""
        self.record_count = record_count
        self.first_timestamp = first_timestamp

    def succeed(self, base_offset: int, log_append_time_ms: int, log_start_offset: int) -> None:
        """The batch is in the log."""
        if not self.is_done:
            self.base_offset = base_offset
            self.log_append_time_ms = log_append_time_ms
            self._log_start_offset = log_start_offset if log_start_offset >= 0 else None
            self._finish()

    def fail(self, error: BaseException) -> None:
        """The batch is given up."""
        if not self.is_done:
            self.error = error
            self._finish()

    def metadata(self, index: i64, timestamp: Any) -> RecordMetadata:
        """Where record ``index``, which was sent with that timestamp, went."""
        if self.error is not None:
            raise self.error
        offset, append_time = self.base_offset, self.log_append_time_ms
        # What RecordMetadata(...) comes to, at a fifth of the time: this runs once a record.
        return _named_tuple(  # type: ignore[no-any-return]
            _RECORD_METADATA,
            self._topic,
            self._partition,
            self.topic_partition,
            offset + index if offset >= 0 else -1,
            timestamp if append_time < 0 else append_time,
            CREATE_TIME if append_time < 0 else LOG_APPEND_TIME,
            self._log_start_offset,
        )

    def watch(self, callback: Callback) -> None:
        """Call back once the batch is done."""
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append(callback)

    def unwatch(self, future: RecordFuture, function: Callable[[Any], object] | None) -> int:
        """Forget callbacks of ``future`` (those to ``function`` where given); how many."""
        watching = self._callbacks or []
        kept = [c for c in watching if c[0] is not future or (function is not None and c[1] != function)]
        removed = len(watching) - len(kept)
        self._callbacks = kept
        return removed

    def callbacks_of(self, future: RecordFuture) -> list[Callback]:
        """What waits for ``future``."""
        return [callback for callback in self._callbacks or [] if callback[0] is future]

    def _finish(self) -> None:
        self.is_done = True
        # Only what metadata() needs is kept: futures may outlive their batch for long.
        self.columns = None
        self.writer = None
        self.raw = None
        self.encoded = None
        callbacks, self._callbacks = self._callbacks, None
        for future, function, context in callbacks or []:
            self.loop.call_soon(function, future, context=context)


@mypyc_attr(acyclic=True)
class RecordFuture:
    """One record's ``asyncio`` future: ``await`` it for the ``RecordMetadata``.

    ``acyclic``: the compiled class is nothing to the garbage collector, which programs with a million of
    them notice. The only cycles it can be part of go through callbacks, which the batch drops when done.
    """

    __slots__ = ("_asyncio_future_blocking", "batch", "index", "is_cancelled", "timestamp")

    def __init__(self, batch: ProducerBatch, index: i64, timestamp: Any) -> None:
        self.batch = batch
        self.index: i64 = index
        self.timestamp = timestamp
        self.is_cancelled = False
        self._asyncio_future_blocking = False

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The producer's event loop."""
        return self.batch.loop

    def done(self) -> bool:
        """Whether the record's fate is known, or waiting for it was cancelled."""
        return self.batch.is_done or self.is_cancelled

    def cancelled(self) -> bool:
        """Whether waiting was cancelled."""
        return self.is_cancelled

    def cancel(self, msg: Any = None) -> bool:
        """Give up waiting; the record is sent all the same."""
        del msg
        if self.done():
            return False
        self.is_cancelled = True
        batch = self.batch
        for future, function, context in batch.callbacks_of(self):
            batch.loop.call_soon(function, future, context=context)
        batch.unwatch(self, None)
        return True

    def result(self) -> RecordMetadata:
        """Where the record went; raises why it did not."""
        if self.is_cancelled:
            raise asyncio.CancelledError
        batch = self.batch
        if not batch.is_done:
            raise asyncio.InvalidStateError("the record has not been acknowledged yet")
        return batch.metadata(self.index, self.timestamp)

    def exception(self) -> BaseException | None:
        """Why the record was not written, None if it was."""
        if self.is_cancelled:
            raise asyncio.CancelledError
        if not self.batch.is_done:
            raise asyncio.InvalidStateError("the record has not been acknowledged yet")
        return self.batch.error

    def add_done_callback(self, fn: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Call ``fn`` with this future, from the event loop, once it is done."""
        if self.done():
            self.batch.loop.call_soon(fn, self, context=context)
        else:
            self.batch.watch((self, fn, context))

    def remove_done_callback(self, fn: Callable[[Any], object]) -> int:
        """Forget ``fn``; how many times it was there."""
        return self.batch.unwatch(self, fn)

    def __await__(self) -> Generator[Any, None, RecordMetadata]:
        # Mostly the batch is done by now, and nothing is called but what makes the metadata.
        batch = self.batch
        if not batch.is_done and not self.is_cancelled:
            self._asyncio_future_blocking = True
            yield self
            if not self.done():
                raise RuntimeError("await wasn't used with future")
        return self.result() if self.is_cancelled else batch.metadata(self.index, self.timestamp)

    def __iter__(self) -> Generator[Any, None, RecordMetadata]:
        return self.__await__()
