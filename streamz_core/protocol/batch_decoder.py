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
    TIMESTAMP_DELTA_MAX,
    BatchHeader,
    check_crc,
    read_header,
)
from streamz_core.protocol.compression import DECOMPRESSED_BYTES_MAX, Compression, decompress
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.varint import read_raw, read_varint, read_varlong

Buffer = bytes | bytearray | memoryview

_HEADER_PAIR_BYTES_MIN: Final = 2
_NO_HEADERS: Final[tuple[Header, ...]] = ()


class Columns:
    """Records side by side: the n-th entry of each list is the n-th record's. Timestamps in milliseconds.

    Offsets without a gap are a ``range``. ``headers`` is ``None`` where no record has any.
    """

    __slots__ = ("headers", "keys", "offsets", "timestamps", "values")

    def __init__(
        self,
        offsets: Sequence[int],
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
    try:
        data, start, end = unpacked(buffer, position, header, max_bytes)
        return _decode_records(data, start, end, header)
    except CorruptBatch as error:
        raise CorruptBatch(position, error.reason) from error
    except IndexError:
        raise CorruptBatch(position, "its last record is cut short") from None
    except ValueError as error:  # a varint too long, or a header's key that is not UTF-8
        raise CorruptBatch(position, str(error)) from error


def unpacked(
    buffer: Buffer, position: int, header: BatchHeader, max_bytes: int = DECOMPRESSED_BYTES_MAX
) -> tuple[bytes, int, int]:
    """The bytes in which the records of the batch at ``position`` lie, not compressed, and from where to where.

    Raises ``CorruptBatch``.
    """
    start = position + HEADER_BYTES
    stop = position + header.size_bytes
    codec = header.attributes & CODEC_MASK
    if codec == 0 and isinstance(buffer, bytes):
        return buffer, start, stop
    packed = memoryview(buffer)[start:stop]
    records = bytes(packed) if codec == 0 else decompress(Compression(codec), packed, max_bytes)
    return records, 0, len(records)


def _decode_records(  # noqa: C901, PLR0912, PLR0915 - inlined varints: a call for each would double the time
    data: bytes, start: int, stop: int, header: BatchHeader
) -> Columns:
    """The records in ``data[start:stop]``. One loop without a call per record: the consumer's hot path.

    Lengths inside a record are not checked one by one: a slice is never longer than ``data``, and a wrong one
    leaves the record at another byte than its own length says.
    """
    count: i64 = header.record_count
    position: i64 = start
    base_offset: i64 = header.base_offset
    base_timestamp: i64 = header.base_timestamp
    delta_max: i64 = header.last_offset_delta
    delta_before: i64 = -1
    if count * RECORD_BYTES_MIN > stop - start:
        raise CorruptBatch(0, f"{count} records cannot be in {stop - start} bytes")
    # Offset deltas ascend up to the last one: as many as there are records means that none is missing.
    offsets: list[int] | None = None if delta_max == count - 1 else [0] * count
    timestamps: list[int] = [0] * count
    keys: list[bytes | None] = [None] * count
    values: list[bytes | None] = [None] * count
    headers: list[Sequence[Header]] | None = None
    raw: i64
    second: i64
    index: i64 = 0
    while index < count:
        raw = data[position]
        position += 1
        if raw >= 0x80:
            second = data[position]
            if second < 0x80:
                raw = raw & 0x7F | second << 7
                position += 1
            else:
                raw, position = read_raw(data, position - 1)
        end: i64 = position + ((raw >> 1) ^ -(raw & 1))
        position += 1  # a record's attributes: none are defined
        delta: i64 = data[position]
        position += 1
        if delta >= 0x80:
            second = data[position]
            if second < 0x80:
                delta = delta & 0x7F | second << 7
                position += 1
                delta = (delta >> 1) ^ -(delta & 1)
            else:
                delta, position = read_varlong(data, position - 1)
                if not -TIMESTAMP_DELTA_MAX <= delta <= TIMESTAMP_DELTA_MAX:
                    raise CorruptBatch(0, f"record {index} has the timestamp delta {delta}")
        else:
            delta = (delta >> 1) ^ -(delta & 1)
        timestamps[index] = base_timestamp + delta
        raw = data[position]
        position += 1
        if raw >= 0x80:
            second = data[position]
            if second < 0x80:
                raw = raw & 0x7F | second << 7
                position += 1
            else:
                raw, position = read_raw(data, position - 1)
        delta = (raw >> 1) ^ -(raw & 1)
        if not delta_before < delta <= delta_max:
            raise CorruptBatch(0, f"record {index} has the offset delta {delta} after {delta_before}")
        delta_before = delta
        if offsets is not None:
            offsets[index] = base_offset + delta
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        if raw & 1 == 0:  # odd is negative, null
            raw >>= 1
            keys[index] = data[position : position + raw]
            position += raw
        raw = data[position]
        position += 1
        if raw >= 0x80:
            second = data[position]
            if second < 0x80:
                raw = raw & 0x7F | second << 7
                position += 1
            else:
                raw, position = read_raw(data, position - 1)
        if raw & 1 == 0:
            raw >>= 1
            values[index] = data[position : position + raw]
            position += raw
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
    if position != stop:
        raise CorruptBatch(0, f"its records end {stop - position} bytes before the batch does")
    if header.attributes & LOG_APPEND_TIME:
        timestamps = [header.max_timestamp] * count
    consecutive = range(base_offset, base_offset + count)
    return Columns(consecutive if offsets is None else offsets, timestamps, keys, values, headers)


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
