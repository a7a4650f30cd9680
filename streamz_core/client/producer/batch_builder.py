"""Batches that the program fills itself, to be sent whole.

Owns: ``BatchBuilder``, aiokafka's interface for it.
Must not know: partitions, links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.client.errors import IllegalStateError
from streamz_core.client.producer.record_fields import as_bytes, check_headers, check_timestamp
from streamz_core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.clock import Clock
    from streamz_core.model import Header
    from streamz_core.protocol.compression import Compression

BATCH_HEADER_BYTES: Final = 61
RECORD_OVERHEAD_BYTES: Final = 12
"""What a record of usual size takes beyond its key and value."""
RECORD_OVERHEAD_BYTES_MAX: Final = 36
HEADER_OVERHEAD_BYTES: Final = 4


class BatchRecordMetadata(NamedTuple):
    """What ``BatchBuilder.append`` did: place in the batch, size by estimate, timestamp in ms."""

    offset: int
    size: int
    timestamp: int
    crc: int | None = None


class BatchBuilder:
    """A batch under construction; made by ``AIOKafkaProducer.create_batch``."""

    def __init__(
        self,
        batch_size: int,
        compression_type: Compression | None,
        *,
        is_transactional: int = 0,
        key_serializer: Callable[[Any], bytes] | None = None,
        value_serializer: Callable[[Any], bytes] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._batch_size = batch_size
        self._compression = compression_type
        self._is_transactional = bool(is_transactional)
        self._key_serializer = key_serializer
        self._value_serializer = value_serializer
        self._clock: Clock = clock or SystemClock()
        self._closed = False
        self._size = BATCH_HEADER_BYTES
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.timestamps: list[int] = []
        self.headers: list[Sequence[Header]] | None = None

    def append(
        self, *, timestamp: int | None, key: Any, value: Any, headers: Sequence[Header] = ()
    ) -> BatchRecordMetadata | None:
        """Add a record; None where the batch is full or closed. ``timestamp`` is ms, None means now.

        The first record is taken whatever its size, as long as it can be sent.
        """
        if self._closed:
            return None
        key_bytes = as_bytes("key", key if self._key_serializer is None else self._key_serializer(key))
        value_bytes = as_bytes(
            "value", value if self._value_serializer is None else self._value_serializer(value)
        )
        record_headers = check_headers(headers)
        check_timestamp("timestamp", timestamp)
        size = record_size(key_bytes, value_bytes, record_headers)
        if self.timestamps and self._size + size > self._batch_size:
            self.close()
            return None
        if record_headers and self.headers is None:
            self.headers = [()] * len(self.timestamps)
        if self.headers is not None:
            self.headers.append(record_headers)
        self.keys.append(key_bytes)
        self.values.append(value_bytes)
        self.timestamps.append(self._clock.now_ms() if timestamp is None else timestamp)
        self._size += size
        return BatchRecordMetadata(len(self.timestamps) - 1, size, self.timestamps[-1])

    def close(self) -> None:
        """Take no more records; sending a batch closes it."""
        self._closed = True

    def closed(self) -> bool:
        """Whether the batch takes no more records."""
        return self._closed

    def size(self) -> int:
        """The batch's size in bytes by estimate, before compression."""
        return self._size

    def record_count(self) -> int:
        """How many records it holds."""
        return len(self.timestamps)


def record_size(key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> int:
    """What a record takes in a batch, by estimate."""
    size = RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"")
    for name, content in headers:
        size += HEADER_OVERHEAD_BYTES + len(name) + len(content or b"")
    return size


def columns_of(builder: BatchBuilder) -> BatchBuilder:
    """The builder, checked to be sendable: ``IllegalStateError`` for an empty one."""
    if not builder.timestamps:
        raise IllegalStateError("the batch is empty: append a record before sending it")
    return builder
