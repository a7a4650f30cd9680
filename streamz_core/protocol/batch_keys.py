"""The keys of a batch, for who wants to know which records are the last of their key.

Owns: going over a batch's records without looking at more than their keys, and taking the bytes of some of them.
Must not know: why some stay and others go; a batch's checksum was compared before.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import NamedTuple

from mypy_extensions import i64

from streamz_core.protocol.batch_decoder import unpacked
from streamz_core.protocol.batch_header import LOG_APPEND_TIME, RECORD_BYTES_MIN, BatchHeader
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.varint import read_raw, read_varlong


class Picked(NamedTuple):
    """Some records of a batch, as they are laid out in it, not compressed."""

    record_count: int
    records: bytes
    max_timestamp: int
    has_tombstones: bool


def note_keys(
    buffer: bytes, position: int, header: BatchHeader, latest: dict[bytes, int]
) -> tuple[list[int], int]:
    """Set ``latest[key]`` to the record's offset for every key of the batch at ``position``.

    Returns the offsets of the records without a key, and the bytes of all keys.

    Raises ``CorruptBatch`` for records that do not lie where they say.
    """
    try:
        data, start, stop = _records(buffer, position, header)
        return _note_keys(data, start, stop, header, latest)
    except (CorruptBatch, IndexError, ValueError) as error:
        raise _corrupt(position, error) from error


def mark(flags: bytearray, latest: dict[bytes, int], first: int) -> None:
    """Set the flag of each offset in ``latest`` to 1; the first flag is that of the offset ``first``."""
    for offset in latest.values():
        flags[offset - first] = 1


def pick(
    buffer: bytes, position: int, header: BatchHeader, is_last: bytes | None, latest: dict[bytes, int]
) -> Picked:
    """The records of the batch at ``position`` that stay: those without a key, and the last of their key.

    Which these are ``is_last`` tells by their offsets' distance from the base offset; where it is None, those
    stay whose key is not in ``latest``. Raises ``CorruptBatch`` for records that do not lie where they say.
    """
    try:
        data, start, stop = _records(buffer, position, header)
        return _pick(data, start, stop, header, is_last, latest)
    except (CorruptBatch, IndexError, ValueError) as error:
        raise _corrupt(position, error) from error


def _records(buffer: bytes, position: int, header: BatchHeader) -> tuple[bytes, int, int]:
    data, start, stop = unpacked(buffer, position, header)
    if stop > len(data):
        raise CorruptBatch(0, f"{header.size_bytes} bytes long, {len(buffer) - position} are there")
    if header.record_count * RECORD_BYTES_MIN > stop - start:
        raise CorruptBatch(0, f"{header.record_count} records cannot be in {stop - start} bytes")
    return data, start, stop


def _corrupt(position: int, error: Exception) -> CorruptBatch:
    if isinstance(error, CorruptBatch):
        return CorruptBatch(position, error.reason)
    if isinstance(error, IndexError):
        return CorruptBatch(position, "its last record is cut short")
    return CorruptBatch(position, str(error))  # a varint too long


def _note_keys(
    data: bytes, start: int, stop: int, header: BatchHeader, latest: dict[bytes, int]
) -> tuple[list[int], int]:
    count: i64 = header.record_count
    position: i64 = start
    end_of_all: i64 = stop
    base_offset: i64 = header.base_offset
    delta_max: i64 = header.last_offset_delta
    without: list[int] = []
    key_bytes: i64 = 0
    raw: i64
    index: i64 = 0
    while index < count:
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        end: i64 = position + ((raw >> 1) ^ -(raw & 1))
        position += 1  # attributes
        while data[position] >= 0x80:  # the timestamp
            position += 1
        position += 1
        delta: i64 = data[position]
        position += 1
        if delta >= 0x80:
            delta, position = read_raw(data, position - 1)
        if delta & 1 or delta >> 1 > delta_max:
            raise CorruptBatch(0, f"record {index} lies outside the offsets of its batch")
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        if raw & 1:  # odd is negative, null
            without.append(base_offset + (delta >> 1))
        else:
            raw >>= 1
            if position + raw > end:
                raise CorruptBatch(0, f"record {index} claims a key of {raw} bytes")
            key_bytes += raw
            latest[data[position : position + raw]] = base_offset + (delta >> 1)
        if end <= position or end > end_of_all:
            raise CorruptBatch(0, f"record {index} does not end where its length says")
        position = end
        index += 1
    if position != end_of_all:
        raise CorruptBatch(0, f"its records end {end_of_all - position} bytes before the batch does")
    return without, key_bytes


def _pick(  # noqa: PLR0915 - inlined varints: a call for each would double the time
    data: bytes, start: int, stop: int, header: BatchHeader, is_last: bytes | None, latest: dict[bytes, int]
) -> Picked:
    count: i64 = header.record_count
    position: i64 = start
    end_of_all: i64 = stop
    newest: i64 = 0
    kept: i64 = 0
    has_tombstones = False
    pieces: list[bytes] = []
    piece_start: i64 = position
    raw: i64
    time: i64
    index: i64 = 0
    while index < count:
        began: i64 = position
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        end: i64 = position + ((raw >> 1) ^ -(raw & 1))
        position += 1  # attributes
        time = data[position]
        position += 1
        if time >= 0x80:
            time, position = read_varlong(data, position - 1)
        else:
            time = (time >> 1) ^ -(time & 1)
        delta: i64 = data[position]
        position += 1
        if delta >= 0x80:
            delta, position = read_raw(data, position - 1)
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        stays = True
        if raw & 1 == 0:  # odd is negative, null
            raw >>= 1
            key_start: i64 = position
            position += raw
            stays = data[key_start:position] not in latest if is_last is None else is_last[delta >> 1] != 0
        if position >= end or end > end_of_all:
            raise CorruptBatch(0, f"record {index} does not end where its length says")
        if stays:
            # The length of a value is odd where it is null: a tombstone.
            has_tombstones = has_tombstones or data[position] & 1 != 0
            newest = time if kept == 0 or time > newest else newest
            kept += 1
        else:
            if piece_start < began:
                pieces.append(data[piece_start:began])
            piece_start = end
        position = end
        index += 1
    if position != end_of_all:
        raise CorruptBatch(0, f"its records end {end_of_all - position} bytes before the batch does")
    if piece_start < end_of_all:
        pieces.append(data[piece_start:end_of_all])
    is_append_time = header.attributes & LOG_APPEND_TIME != 0
    max_timestamp = header.max_timestamp if is_append_time else header.base_timestamp + newest
    return Picked(kept, b"".join(pieces), max_timestamp, has_tombstones)
