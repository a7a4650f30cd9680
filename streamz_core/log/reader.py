"""Reading whole batches back, each one verified.

Owns: finding the batch that holds an offset in a segment; cutting a piece of a segment at batch borders;
telling damage from an index that is merely wrong.
Must not know: high watermarks (callers say up to where), producers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from streamz_core.log.segment import Segment
from streamz_core.log.segment_scan import frame_problem
from streamz_core.protocol.record_batch import (
    HEADER_BYTES,
    BatchHeader,
    CorruptBatch,
    check_crc,
    read_header,
)

READ_BYTES_MIN: Final = 4096


class Place(NamedTuple):
    """The byte position of a batch, and the base offset it is known to have."""

    position: int
    base_offset: int


class Piece(NamedTuple):
    """Consecutive whole batches of one segment, and where reading goes on; empty at the segment's end."""

    data: bytes | memoryview
    next_offset: int
    next_position: int


def read_piece(segment: Segment, place: Place, offset: int, max_bytes: int, up_to: int) -> Piece:
    """The batches from the one that holds ``offset``, at or after ``place``, below ``up_to``.

    At least one batch if there is one, however large; else as many as ``max_bytes`` allow. Raises
    ``CorruptBatch`` with the position in the file.
    """
    wanted = max(max_bytes, READ_BYTES_MIN)
    position, expected = place
    while position < segment.size_bytes:
        buffer = segment.read_at(position, wanted)
        start = at = 0
        header: BatchHeader | None = None
        limit = len(buffer)
        while limit - at >= HEADER_BYTES:
            try:
                header = _sound_header(segment, buffer, at, position, expected)
                end = at + header.size_bytes
                if header.base_offset < up_to < header.next_offset:
                    _require_sound(segment, position + at, header)
                if header.next_offset > up_to or (end > max_bytes + start and at > start) or end > limit:
                    break
                if header.last_offset >= offset and not check_crc(buffer, at, header):
                    raise CorruptBatch(position + at, "its checksum is not that of its bytes")
            except CorruptBatch:
                if at == start:
                    raise
                break  # what is sound is given out; the next read begins at the damage
            expected = header.next_offset
            if header.last_offset < offset:
                start = end
            at = end
        if at > start:
            data = buffer if not start and at == limit else memoryview(buffer)[start:at]
            return Piece(data, expected, position + at)
        if header is not None and header.next_offset > up_to:
            break
        position, wanted = _further(segment, position, at, limit, header, wanted)
    return Piece(b"", max(offset, expected), position)


def _further(
    segment: Segment, position: int, at: int, limit: int, header: BatchHeader | None, wanted: int
) -> tuple[int, int]:
    """Where to read on, and how much, when what was read held no whole batch to give out."""
    rest = segment.size_bytes - position
    needed = header.size_bytes if header is not None and at < limit else HEADER_BYTES
    if limit < min(wanted, rest) or (at < limit and needed > rest - at):
        raise CorruptBatch(
            position + at, f"the batch is cut short: the file ends before byte {segment.size_bytes}"
        )
    return position + at, max(wanted, needed)


def _require_sound(segment: Segment, position: int, header: BatchHeader) -> None:
    """A batch that goes past the end asked for is not shown, but must not hide damage as an end."""
    if not check_crc(segment.read_at(position, header.size_bytes), 0, header):
        raise CorruptBatch(position, "its checksum is not that of its bytes")


def _sound_header(segment: Segment, buffer: bytes, at: int, position: int, expected: int) -> BatchHeader:
    try:
        header = read_header(buffer, at)
    except CorruptBatch as error:
        raise CorruptBatch(position + at, error.reason) from None
    gaps = segment.summary.is_compacted
    problem = frame_problem(header, expected, gaps=gaps)
    if not problem and gaps and not _is_indexed(segment, header, position + at):
        problem = f"base offset {header.base_offset}, which the index does not know"
    if problem:
        raise CorruptBatch(position + at, problem)
    return header


def _is_indexed(segment: Segment, header: BatchHeader, position: int) -> bool:
    """Whether the index of a compacted segment knows the batch: where offsets are missing, nothing else
    tells a damaged base offset. An index that was rebuilt from damaged bytes is not dense and cannot tell.
    """
    index = segment.indexes.offsets if segment.indexes is not None else None
    if index is None or len(index) < segment.summary.batch_count:
        return True
    number = index.count_below(header.last_offset)
    return number < len(index) and index.entry(number) == (header.last_offset, position)


def place_of(segment: Segment, offset: int) -> Place:
    """A batch at or before the one that holds ``offset``: the index's word, verified.

    An index entry that is not what the file says there is skipped for an earlier one; the start always fits.
    """
    assert segment.indexes is not None
    index = segment.indexes.offsets
    number = index.count_below(offset + 1)
    while number > 0:
        entry = index.entry(number - 1)
        header = header_at(segment, entry.position)
        if header is not None and header.last_offset == entry.offset <= offset:
            return Place(entry.position, header.base_offset)
        number -= 1
    return Place(0, segment.base_offset)


def header_at(segment: Segment, position: int) -> BatchHeader | None:
    """The header at a byte position, None if there cannot be one."""
    if not 0 <= position <= segment.size_bytes - HEADER_BYTES:
        return None
    try:
        return read_header(segment.read_at(position, HEADER_BYTES))
    except CorruptBatch:
        return None


def damage_end(segment: Segment, position: int) -> int:
    """The first offset after the damage at ``position`` that an index entry still leads to."""
    if segment.indexes is not None:
        index = segment.indexes.offsets
        for number in range(len(index)):
            entry = index.entry(number)
            header = header_at(segment, entry.position) if entry.position > position else None
            if header is not None and header.last_offset == entry.offset:
                return header.base_offset
    return segment.next_offset
