"""The keys of a batch, for who wants to know which records are the last of their key.

Owns: going over a batch's records without looking at more than their keys.
Must not know: what becomes of the others; a batch's checksum was compared before.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from mypy_extensions import i64

from streamz_core.protocol.batch_decoder import unpacked
from streamz_core.protocol.batch_header import RECORD_BYTES_MIN, BatchHeader
from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.varint import read_raw


def note_keys(
    buffer: bytes, position: int, header: BatchHeader, mark: object, latest: dict[bytes, object]
) -> tuple[int, int]:
    """Set ``latest[key]`` to ``mark`` for every key of the batch at ``position``.

    Returns how many records have no key, and the bytes of all keys.

    Raises ``CorruptBatch`` for records that do not lie where they say.
    """
    try:
        data, start, stop = unpacked(buffer, position, header)
        if stop > len(data):
            raise CorruptBatch(0, f"{header.size_bytes} bytes long, {len(buffer) - position} are there")
        return _note_keys(data, start, stop, header.record_count, mark, latest)
    except CorruptBatch as error:
        raise CorruptBatch(position, error.reason) from error
    except IndexError:
        raise CorruptBatch(position, "its last record is cut short") from None
    except ValueError as error:  # a varint too long
        raise CorruptBatch(position, str(error)) from error


def _note_keys(
    data: bytes, start: int, stop: int, record_count: int, mark: object, latest: dict[bytes, object]
) -> tuple[int, int]:
    count: i64 = record_count
    position: i64 = start
    end_of_all: i64 = stop
    without: i64 = 0
    key_bytes: i64 = 0
    raw: i64
    if count * RECORD_BYTES_MIN > end_of_all - position:
        raise CorruptBatch(0, f"{count} records cannot be in {end_of_all - position} bytes")
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
        while data[position] >= 0x80:  # the offset
            position += 1
        position += 1
        raw = data[position]
        position += 1
        if raw >= 0x80:
            raw, position = read_raw(data, position - 1)
        if raw & 1:  # odd is negative, null
            without += 1
        else:
            raw >>= 1
            if position + raw > end:
                raise CorruptBatch(0, f"record {index} claims a key of {raw} bytes")
            key_bytes += raw
            latest[data[position : position + raw]] = mark
        if end <= position or end > end_of_all:
            raise CorruptBatch(0, f"record {index} does not end where its length says")
        position = end
        index += 1
    if position != end_of_all:
        raise CorruptBatch(0, f"its records end {end_of_all - position} bytes before the batch does")
    return without, key_bytes


def last_of_their_keys(keys: list[bytes | None], mark: object, latest: dict[bytes, object]) -> list[bool]:
    """Which records of the batch noted as ``mark`` have no later one with their key; those without key are True.

    A key that was never noted has no later one.
    """
    last = [True] * len(keys)
    seen: set[bytes] = set()
    index: i64 = len(keys) - 1
    while index >= 0:
        key = keys[index]
        if key is not None:
            noted = latest.get(key)
            if noted is None:
                pass
            elif noted == mark and key not in seen:
                seen.add(key)
            else:
                last[index] = False
        index -= 1
    return last
