"""Columns of records to the bytes of one batch.

Owns: the records' own layout on the way out, and the header that goes with them.
Must not know: where the batch goes; offsets are the log's to assign.

Compiled where a compiler is at hand; the same file runs interpreted. A record is: length, attributes (0),
timestamp delta, offset delta, key, value, headers; every number a zigzag varint, every length -1 for null.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from mypy_extensions import i64

from streamz_core.errors import Misuse
from streamz_core.model import Header
from streamz_core.protocol.batch_frame import framed
from streamz_core.protocol.batch_header import (
    CONTROL,
    DELETE_HORIZON,
    LOG_APPEND_TIME,
    MAGIC,
    OFFSET_MAX,
    TIMESTAMP_MAX,
    TRANSACTIONAL,
    BatchHeader,
)
from streamz_core.protocol.compression import Compression, compress
from streamz_core.protocol.encoded_batches import EncodedBatch
from streamz_core.protocol.varint import INT32_MAX, further_bytes, write_varlong

try:
    from librt.strings import BytesWriter
except ImportError:  # only compiled code needs librt: it writes into its buffer without a call
    from streamz_core.protocol.byte_writer import BytesWriter  # type: ignore[assignment]

Headers = Sequence[Sequence[Header]]

BATCH_BYTES_MAX: Final = 1_048_576 - 64
"""Where a batch ends and the next begins: what a topic takes by default, less the batch's own header."""
RECORD_OVERHEAD_BYTES_MAX: Final = 36
"""What a record takes at most beside its key, value and headers."""

_NO_COMPRESSION: Final = Compression.NONE


def encode(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    timestamps: Sequence[int],
    headers: Headers | None = None,
    *,
    compression: Compression = Compression.NONE,
    level: int | None = None,
    base_offset: int = 0,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    transactional: bool = False,
    control: bool = False,
    leader_epoch: int = -1,
    offset_deltas: Sequence[int] | None = None,
    last_offset_delta: int | None = None,
    append_time_ms: int | None = None,
    delete_horizon_ms: int | None = None,
) -> bytes:
    """One batch of these records, one column each for keys, values, timestamps (milliseconds) and headers.

    The last five arguments are for a log that writes a batch anew: ``offset_deltas`` (ascending) and
    ``last_offset_delta`` keep the offsets of records that compaction left, down to none at all;
    ``append_time_ms`` is the LogAppendTime of all records.

    Raises ``Misuse`` for columns of different lengths, a key or value that is not bytes, a header that is
    not ``(str, bytes | None)``, a number out of range, and a batch past 2 GiB.

    >>> len(encode([b"k"], [b"v"], [1_700_000_000_000]))
    70
    """
    count = _checked_count(keys, values, timestamps, headers)
    deltas = None if offset_deltas is None else _checked_deltas(offset_deltas, count)
    delta_min = max(deltas[-1] if deltas else count - 1, 0)
    last_delta = delta_min if last_offset_delta is None else last_offset_delta
    if not delta_min <= last_delta <= INT32_MAX or not 0 <= base_offset <= OFFSET_MAX:
        raise Misuse(f"{count} records up to offset delta {last_delta} from base offset {base_offset}")
    out = BytesWriter()
    base_timestamp, max_timestamp = _encode_columns(
        out, keys, values, timestamps, headers, base_timestamp=delete_horizon_ms, deltas=deltas
    )
    attributes = (
        (LOG_APPEND_TIME if append_time_ms is not None else 0)
        | (TRANSACTIONAL if transactional else 0)
        | (CONTROL if control else 0)
        | (DELETE_HORIZON if delete_horizon_ms is not None else 0)
    )
    latest = max_timestamp if append_time_ms is None else append_time_ms
    codec = compression if count else Compression.NONE
    header = BatchHeader(
        base_offset,
        0,
        leader_epoch,
        MAGIC,
        0,
        int(codec) | attributes,
        last_delta,
        base_timestamp,
        latest,
        producer_id,
        producer_epoch,
        base_sequence,
        count,
    )
    return b"".join(framed(header, compress(codec, out.getvalue(), level)))


def content_bytes(column: Sequence[bytes | None]) -> int:
    """How many bytes a column of keys or values holds, in one loop without a call per record.

    >>> content_bytes([b"key", None])
    3
    """
    total: i64 = 0
    for content in _as_list(column):
        if isinstance(content, bytes):
            total += len(content)
    return total


class RawRecords:
    """The records of one batch as they are encoded, neither compressed nor framed; ``framed`` does both.

    Kept by a producer until the batch is acknowledged: its header may have to be made anew.
    """

    __slots__ = ("_base_timestamp", "_content", "_count", "_max_timestamp")

    def __len__(self) -> int:
        """Bytes, before they are compressed."""
        return len(self._content)

    def __init__(self, content: bytes, count: i64, base_timestamp: i64, max_timestamp: i64) -> None:
        self._content = content
        self._count: i64 = count
        self._base_timestamp: i64 = base_timestamp
        self._max_timestamp: i64 = max_timestamp

    @property
    def record_count(self) -> int:
        """How many records there are."""
        return self._count

    @property
    def base_timestamp(self) -> int:
        """The first record's timestamp in milliseconds."""
        return self._base_timestamp

    @property
    def size_bytes(self) -> int:
        """What the records take, uncompressed and without the batch's header."""
        return len(self._content)

    def framed(
        self,
        *,
        compression: Compression = _NO_COMPRESSION,
        level: int | None = None,
        base_offset: int = 0,
        producer_id: int = -1,
        producer_epoch: int = -1,
        base_sequence: int = -1,
        transactional: bool = False,
    ) -> EncodedBatch:
        """The batch's header and its packed records. Raises ``Misuse`` for a number out of range."""
        attributes = TRANSACTIONAL if transactional else 0
        packed = self._content
        if compression is not _NO_COMPRESSION:
            attributes |= int(compression)
            packed = compress(compression, packed, level)
        header = BatchHeader(
            base_offset,
            0,
            -1,
            MAGIC,
            0,
            attributes,
            self._count - 1,
            self._base_timestamp,
            self._max_timestamp,
            producer_id,
            producer_epoch,
            base_sequence,
            self._count,
        )
        return framed(header, packed)


WriterMark = tuple[int, int, int]
"""How far a ``RecordWriter`` was: bytes, records, and the latest timestamp of these."""
NOTHING_WRITTEN: Final[WriterMark] = (0, 0, 0)


class RecordWriter:
    """Encodes records as they come, for one batch after the other: its buffer stays as large as it grew.

    >>> writer = RecordWriter()
    >>> writer.append(b"k", b"v", 1_700_000_000_000, None)
    >>> b"".join(writer.take().framed()) == encode([b"k"], [b"v"], [1_700_000_000_000])
    True
    """

    __slots__ = ("_base_timestamp", "_count", "_max_timestamp", "_out")

    def __init__(self) -> None:
        self._out = BytesWriter()
        self._count: i64 = 0
        self._base_timestamp: i64 = 0
        self._max_timestamp: i64 = 0

    @property
    def record_count(self) -> int:
        """How many records were appended."""
        return self._count

    @property
    def base_timestamp(self) -> int:
        """The first record's timestamp in milliseconds; 0 while there is none."""
        return self._base_timestamp

    @property
    def size_bytes(self) -> int:
        """What the records take, uncompressed and without the batch's header."""
        return len(self._out)

    def mark(self) -> WriterMark:
        """What ``go_back`` needs to forget all that is appended from here on."""
        return len(self._out), self._count, self._max_timestamp

    def go_back(self, mark: WriterMark) -> None:
        """Forget what was appended since ``mark`` was made.

        >>> writer = RecordWriter()
        >>> start = writer.mark()
        >>> writer.append(None, b"forgotten", 0, ())
        >>> writer.go_back(start)
        >>> writer.record_count
        0
        """
        size, count, max_timestamp = mark
        self._out.truncate(size)
        self._count = count
        self._max_timestamp = max_timestamp

    def append(
        self, key: bytes | None, value: bytes | None, timestamp: int, headers: Sequence[Header] | None
    ) -> None:
        """Add a record; ``timestamp`` is in milliseconds. Raises ``Misuse`` as ``encode`` does, and adds nothing."""
        try:
            time: i64 = timestamp
        except (OverflowError, ValueError):  # beyond 64 bits
            time = -2
        if (time + 1) >> 62 != 0:  # not between -1 and TIMESTAMP_MAX, without making an object of either
            raise Misuse(f"timestamp {timestamp}; allowed: -1 (none) to {TIMESTAMP_MAX} ms")
        count = self._count
        tail = _encode_headers(headers, count) if headers else None
        if count == 0:
            self._base_timestamp = self._max_timestamp = time
        elif time > self._max_timestamp:
            self._max_timestamp = time
        _write_record(self._out, time - self._base_timestamp, count, key, value, tail)
        self._count = count + 1

    def append_columns(
        self,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Headers | None,
        *,
        bytes_max: int = INT32_MAX,
    ) -> bool:
        """All records of a batch at once, at least one, while there is none. Raises ``Misuse`` as ``encode`` does.

        False, with nothing appended, where they take more than ``bytes_max``.
        """
        assert self._count == 0, "columns are a whole batch"
        count = _checked_count(keys, values, timestamps, headers)
        try:
            base, latest = _encode_columns(self._out, keys, values, timestamps, headers, bytes_max=bytes_max)
        except Misuse:
            self._out.truncate(0)
            raise
        if len(self._out) > bytes_max:
            self._out.truncate(0)
            return False
        self._count, self._base_timestamp, self._max_timestamp = count, base, latest
        return True

    def take(self) -> RawRecords:
        """What was appended; the writer is empty again."""
        taken = RawRecords(self._out.getvalue(), self._count, self._base_timestamp, self._max_timestamp)
        self._out.truncate(0)
        self._count = 0
        return taken


def raw_records(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    timestamps: Sequence[int],
    headers: Headers | None = None,
) -> RawRecords:
    """The records of one batch encoded, to be framed once it is known whose. At least one; raises as ``encode``."""
    writer = RecordWriter()
    if not writer.append_columns(keys, values, timestamps, headers):
        raise Misuse(f"{len(values)} records of more than {INT32_MAX} bytes: send fewer at once")
    return writer.take()


def _checked_count(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    timestamps: Sequence[int],
    headers: Headers | None,
) -> int:
    count = len(values)
    if len(keys) != count or len(timestamps) != count or (headers is not None and len(headers) != count):
        raise Misuse(
            f"columns of different lengths: {len(keys)} keys, {count} values, {len(timestamps)} timestamps"
            + (f", {len(headers)} headers" if headers is not None else "")
        )
    return count


def _as_list(column: Sequence[Any]) -> list[Any]:
    return column if isinstance(column, list) else list(column)


def _checked_deltas(offset_deltas: Sequence[int], count: int) -> list[int]:
    deltas = list(offset_deltas)
    if len(deltas) != count or any(not 0 <= delta <= INT32_MAX for delta in deltas):
        raise Misuse(f"{len(deltas)} offset deltas for {count} records, each allowed 0 to {INT32_MAX}")
    if any(after <= before for before, after in pairwise(deltas)):
        raise Misuse("offset deltas must ascend")
    return deltas


def _encode_columns(
    out: BytesWriter,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    timestamps: Sequence[int],
    headers: Headers | None,
    *,
    base_timestamp: int | None = None,
    deltas: list[int] | None = None,
    bytes_max: int = INT32_MAX,
) -> tuple[int, int]:
    """Write the records; the base timestamp (the first record's if not given) and the greatest timestamp.

    Beyond ``bytes_max`` it stops, and leaves more than that many bytes.
    """
    try:
        times = _as_list(timestamps)
        base = base_timestamp if base_timestamp is not None else (times[0] if times else -1)
        latest = _encode_records(
            out,
            _as_list(keys),
            _as_list(values),
            times,
            base,
            deltas=deltas,
            headers=headers,
            bytes_max=bytes_max,
        )
    except (TypeError, ValueError, OverflowError) as problem:
        raise Misuse(
            f"timestamps are whole milliseconds, -1 (none) to {TIMESTAMP_MAX}: {problem}"
        ) from problem
    return base, latest


def _encode_records(
    out: BytesWriter,
    keys: list[object],
    values: list[object],
    times: list[int],
    base_timestamp: int,
    *,
    deltas: list[int] | None,
    headers: Headers | None,
    bytes_max: i64,
) -> int:
    base: i64 = base_timestamp
    if not -1 <= base <= TIMESTAMP_MAX:
        raise Misuse(f"base timestamp {base}; allowed: -1 (none) to {TIMESTAMP_MAX} ms")
    latest: i64 = -1
    time_max: i64 = TIMESTAMP_MAX
    count: i64 = len(values)
    index: i64 = 0
    while index < count and len(out) <= bytes_max:
        key = keys[index]
        value = values[index]
        if not (isinstance(key, bytes) or key is None) or not (isinstance(value, bytes) or value is None):
            raise _not_bytes(index, key, value)
        tail = None if headers is None else _encode_headers(headers[index], index)
        time: i64 = times[index]
        if time < -1 or time > time_max:
            raise Misuse(f"timestamp {time} of record {index}; allowed: -1 (none) to {TIMESTAMP_MAX} ms")
        if time > latest:  # noqa: PLR1730 - max() is a call
            latest = time
        offset_delta: i64 = index
        if deltas is not None:
            offset_delta = deltas[index]
        _write_record(out, time - base, offset_delta, key, value, tail)
        index += 1
    return latest


def _write_record(  # noqa: C901, PLR0912, PLR0915 - inlined varints: a call for each would double the time
    out: BytesWriter,
    time_delta: i64,
    offset_delta: i64,
    key: bytes | None,
    value: bytes | None,
    headers: bytes | None,
) -> None:
    """One record, the hot path of all that is produced; compiled it is no call. ``headers`` are encoded already."""
    byte: int  # not i64: librt's writer takes it without a call only as int
    time_raw: i64 = (time_delta << 1) ^ (time_delta >> 63)
    offset_raw: i64 = offset_delta << 1
    key_raw: i64 = 1  # -1 zigzagged
    if key is not None:
        key_raw = len(key) << 1
    value_raw: i64 = 1
    if value is not None:
        value_raw = len(value) << 1
    # Attributes and the first byte of each of the five numbers, then what else there is of them.
    size: i64 = 6 + (key_raw >> 1) + (value_raw >> 1)
    if headers is not None:
        size += len(headers) - 1
    if time_raw >= 0x80:
        size += further_bytes(time_raw)
    if offset_raw >= 0x80:
        size += further_bytes(offset_raw)
    if key_raw >= 0x80:
        size += further_bytes(key_raw)
    if value_raw >= 0x80:
        size += further_bytes(value_raw)
    raw: i64 = size << 1
    while raw >= 0x80:
        byte = raw & 0x7F | 0x80
        out.append(byte)
        raw >>= 7
    byte = raw
    out.append(byte)
    out.append(0)
    while time_raw >= 0x80:
        byte = time_raw & 0x7F | 0x80
        out.append(byte)
        time_raw >>= 7
    byte = time_raw
    out.append(byte)
    while offset_raw >= 0x80:
        byte = offset_raw & 0x7F | 0x80
        out.append(byte)
        offset_raw >>= 7
    byte = offset_raw
    out.append(byte)
    while key_raw >= 0x80:
        byte = key_raw & 0x7F | 0x80
        out.append(byte)
        key_raw >>= 7
    byte = key_raw
    out.append(byte)
    if key is not None:
        out.write(key)
    while value_raw >= 0x80:
        byte = value_raw & 0x7F | 0x80
        out.append(byte)
        value_raw >>= 7
    byte = value_raw
    out.append(byte)
    if value is not None:
        out.write(value)
    if headers is None:
        out.append(0)
    else:
        out.write(headers)


def _not_bytes(index: int, key: object, value: object) -> Misuse:
    name, found = ("value", value) if key is None or isinstance(key, bytes) else ("key", key)
    return Misuse(f"{name} of record {index} is {type(found).__name__}; allowed: bytes or None")


def _encode_headers(headers: object, index: int) -> bytes:
    """One record's headers, their number first. Keys may repeat; order is kept."""
    if not isinstance(headers, Sequence):
        raise Misuse(f"headers of record {index} are {type(headers).__name__}; allowed: a sequence of pairs")
    parts = [write_varlong(len(headers))]
    for header in headers:
        try:
            name, value = header
            raw_name = name.encode()
            if value is not None and not isinstance(value, bytes):
                raise TypeError
        except (TypeError, ValueError, AttributeError):
            raise Misuse(
                f"header {header!r} of record {index}; allowed: (str that encodes as UTF-8, bytes or None)"
            ) from None
        parts += (write_varlong(len(raw_name)), raw_name)
        parts += (write_varlong(-1),) if value is None else (write_varlong(len(value)), value)
    return b"".join(parts)
