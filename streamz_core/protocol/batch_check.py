"""Whether every record of a batch can be read, without reading any.

Owns: going over a batch's records with the decoder's checks, and making nothing of them.
Must not know: what becomes of the batch; its checksum is compared elsewhere.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from mypy_extensions import i64

from streamz_core.protocol.batch_decoder import Buffer, unpacked
from streamz_core.protocol.batch_header import RECORD_BYTES_MIN, TIMESTAMP_DELTA_MAX, BatchHeader
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.varint import read_raw, read_varint, read_varlong


def check_records(buffer: Buffer, position: int, header: BatchHeader) -> None:
    """Raise ``CorruptBatch`` where ``decode`` of the batch at ``position`` would, but for a wrong checksum."""
    try:
        data, start, stop = unpacked(buffer, position, header)
        _check(data, start, stop, header)
    except CorruptBatch as error:
        raise CorruptBatch(position, error.reason) from error
    except IndexError:
        raise CorruptBatch(position, "its last record is cut short") from None
    except ValueError as error:  # a varint too long, or a header's key that is not UTF-8
        raise CorruptBatch(position, str(error)) from error


def _check(  # noqa: C901, PLR0912, PLR0915 - inlined varints: a call for each would double the time
    data: bytes, start: int, stop: int, header: BatchHeader
) -> None:
    count: i64 = header.record_count
    position: i64 = start
    end_of_all: i64 = stop
    delta_max: i64 = header.last_offset_delta
    delta_before: i64 = -1
    if count * RECORD_BYTES_MIN > end_of_all - position:
        raise CorruptBatch(0, f"{count} records cannot be in {end_of_all - position} bytes")
    raw: i64
    second: i64
    delta: i64
    end: i64
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
        end = position + ((raw >> 1) ^ -(raw & 1))
        position += 1  # a record's attributes: none are defined
        if data[position] < 0x80:
            position += 1
        elif data[position + 1] < 0x80:
            position += 2
        else:
            delta, position = read_varlong(data, position)
            if not -TIMESTAMP_DELTA_MAX <= delta <= TIMESTAMP_DELTA_MAX:
                raise CorruptBatch(0, f"record {index} has the timestamp delta {delta}")
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        delta = (raw >> 1) ^ -(raw & 1)
        if not delta_before < delta <= delta_max:
            raise CorruptBatch(0, f"record {index} has the offset delta {delta} after {delta_before}")
        delta_before = delta
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        if raw & 1 == 0:  # odd is negative, null
            position += raw >> 1
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
            position += raw >> 1
        if data[position] == 0:
            position += 1
        else:
            position = _check_headers(data, position, end)
        if position != end:
            raise CorruptBatch(0, f"record {index} does not end where its length says")
        index += 1
    if position != end_of_all:
        raise CorruptBatch(0, f"its records end {end_of_all - position} bytes before the batch does")


def _check_headers(data: bytes, position: i64, end: i64) -> i64:
    """The position after one record's headers."""
    count, position = read_varint(data, position)
    if count < 0 or count * 2 > end - position:
        raise CorruptBatch(0, f"{count} headers cannot be in {end - position} bytes")
    for _ in range(count):
        size, position = read_varint(data, position)
        if size < 0 or position + size > end:
            raise CorruptBatch(0, f"a header claims a key of {size} bytes")
        data[position : position + size].decode()
        position += size
        size, position = read_varint(data, position)
        if position + size > end:
            raise CorruptBatch(0, f"a header claims a value of {size} bytes")
        position += max(size, 0)
    return position
