"""The bytes of one batch to columns of records.

Owns: the records' own layout on the way in.
Must not know: which of the records their reader may see; control batches and aborted ones decode as any.

Compiled where a compiler is at hand; the same file runs interpreted. No number in the bytes is trusted: a
count or length that does not fit the bytes present is refused before memory is taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

from streamz_core.model import Header
from streamz_core.protocol.batch_header import (
    CODEC_MASK,
    HEADER_BYTES,
    LOG_APPEND_TIME,
    RECORD_BYTES_MIN,
    TIMESTAMP_MAX,
    BatchHeader,
    check_crc,
    read_header,
)
from streamz_core.protocol.compression import DECOMPRESSED_BYTES_MAX, Compression, decompress
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.varint import read_varint, read_varlong

Buffer = bytes | bytearray | memoryview

_HEADER_PAIR_BYTES_MIN: Final = 2
_NO_HEADERS: Final[tuple[Header, ...]] = ()


class Columns:
    """Records side by side: the n-th entry of each list is the n-th record's. Timestamps in milliseconds.

    ``headers`` is ``None`` where no record has any.
    """

    __slots__ = ("headers", "keys", "offsets", "timestamps", "values")

    def __init__(
        self,
        offsets: list[int],
        timestamps: list[int],
        keys: list[bytes | None],
        values: list[bytes | None],
        headers: list[Sequence[Header]] | None = None,
    ) -> None:
        self.offsets = offsets
        self.timestamps = timestamps
        self.keys = keys
        self.values = values
        self.headers = headers

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        span = f" at offsets {self.offsets[0]}..{self.offsets[-1]}" if self.offsets else ""
        return f"Columns({len(self.values)} records{span})"


def decode(
    buffer: Buffer, position: int = 0, *, check: bool = True, max_bytes: int = DECOMPRESSED_BYTES_MAX
) -> Columns:
    """The records of the one batch at ``position``.

    ``check`` compares the checksum first; ``max_bytes`` bounds what the records may take unpacked.
    Raises ``CorruptBatch``, and nothing else, for bytes that are not a whole, sound batch.
    """
    header = read_header(buffer, position)
    stop = position + header.size_bytes
    if stop > len(buffer):
        raise CorruptBatch(position, f"{header.size_bytes} bytes long, {len(buffer) - position} are there")
    if check and not check_crc(buffer, position, header):
        raise CorruptBatch(position, f"checksum {header.crc:#010x} is not that of its bytes")
    start = position + HEADER_BYTES
    try:
        if header.attributes & CODEC_MASK == 0 and isinstance(buffer, bytes):
            return _decode_records(buffer, start, stop, header)
        packed = memoryview(buffer)[start:stop]
        records = decompress(Compression(header.attributes & CODEC_MASK), packed, max_bytes)
        return _decode_records(records, 0, len(records), header)
    except CorruptBatch as error:
        raise CorruptBatch(position, error.reason) from error
    except IndexError:
        raise CorruptBatch(position, "its last record is cut short") from None
    except ValueError as error:  # a varint too long, or a header's key that is not UTF-8
        raise CorruptBatch(position, str(error)) from error


def _decode_records(data: bytes, start: int, stop: int, header: BatchHeader) -> Columns:
    """The records in ``data[start:stop]``. One loop without a call per record: the consumer's hot path."""
    count: i64 = header.record_count
    position: i64 = start
    limit: i64 = stop
    if count * RECORD_BYTES_MIN > limit - position:
        raise CorruptBatch(0, f"{count} records cannot be in {limit - position} bytes")
    offsets: list[int] = []
    timestamps: list[int] = []
    keys: list[bytes | None] = []
    values: list[bytes | None] = []
    headers: list[Sequence[Header]] | None = None
    base_offset: i64 = header.base_offset
    base_timestamp: i64 = header.base_timestamp
    delta_max: i64 = header.last_offset_delta
    delta_before: i64 = -1
    size: i64
    delta: i64
    index: i64 = 0
    while index < count:
        size = data[position]
        if size < 0x80:
            size = (size >> 1) ^ -(size & 1)
            position += 1
        else:
            size, position = read_varint(data, position)
        end: i64 = position + size
        if size < 0 or end > limit:
            raise CorruptBatch(0, f"record {index} claims {size} bytes, {limit - position} are left")
        position += 1  # attributes of a record: none are defined
        delta = data[position]
        if delta < 0x80:
            delta = (delta >> 1) ^ -(delta & 1)
            position += 1
        else:
            delta, position = read_varlong(data, position)
            if not -TIMESTAMP_MAX <= delta <= TIMESTAMP_MAX:
                raise CorruptBatch(0, f"record {index} has the timestamp delta {delta}")
        timestamps.append(base_timestamp + delta)
        delta = data[position]
        if delta < 0x80:
            delta = (delta >> 1) ^ -(delta & 1)
            position += 1
        else:
            delta, position = read_varint(data, position)
        if delta <= delta_before or delta > delta_max:
            raise CorruptBatch(0, f"record {index} has the offset delta {delta} after {delta_before}")
        delta_before = delta
        offsets.append(base_offset + delta)
        size = data[position]
        if size < 0x80:
            size = (size >> 1) ^ -(size & 1)
            position += 1
        else:
            size, position = read_varint(data, position)
        if size < 0:
            keys.append(None)
        else:
            if position + size > end:
                raise CorruptBatch(0, f"record {index} claims a key of {size} bytes")
            keys.append(data[position : position + size])
            position += size
        size = data[position]
        if size < 0x80:
            size = (size >> 1) ^ -(size & 1)
            position += 1
        else:
            size, position = read_varint(data, position)
        if size < 0:
            values.append(None)
        else:
            if position + size > end:
                raise CorruptBatch(0, f"record {index} claims a value of {size} bytes")
            values.append(data[position : position + size])
            position += size
        if data[position] == 0:
            position += 1
            if headers is not None:
                headers.append(_NO_HEADERS)
        else:
            if headers is None:
                headers = [_NO_HEADERS] * index
            found, position = _decode_headers(data, position, end)
            headers.append(found)
        if position != end:
            raise CorruptBatch(0, f"record {index} does not end where its length says")
        index += 1
    if position != limit:
        raise CorruptBatch(0, f"{limit - position} bytes are left after its last record")
    if header.attributes & LOG_APPEND_TIME:
        timestamps = [header.max_timestamp] * count
    return Columns(offsets, timestamps, keys, values, headers)


def _decode_headers(data: bytes, position: i64, end: i64) -> tuple[Sequence[Header], i64]:
    """One record's headers, their number first, and the position after them."""
    count, position = read_varint(data, position)
    if count < 0 or count * _HEADER_PAIR_BYTES_MIN > end - position:
        raise CorruptBatch(0, f"{count} headers cannot be in {end - position} bytes")
    found: list[Header] = []
    for _ in range(count):
        size, position = read_varint(data, position)
        if size < 0 or position + size > end:
            raise CorruptBatch(0, f"a header claims a key of {size} bytes")
        name = data[position : position + size].decode()
        position += size
        size, position = read_varint(data, position)
        if size < 0:
            found.append((name, None))
            continue
        if position + size > end:
            raise CorruptBatch(0, f"a header claims a value of {size} bytes")
        found.append((name, data[position : position + size]))
        position += size
    return tuple(found), position
