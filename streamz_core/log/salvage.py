"""What of a damaged segment can still be trusted.

Owns: telling sound batches from damage in the bytes of one ``.log``, finding the first sound batch after
damage, and restoring the few fields of a batch that its own checksum leaves out.
Must not know: why it is asked, other segments, how a segment is rewritten.

A batch counts as sound where its checksum holds and its offsets fit what is around it. After damage the next
sound batch is looked for where the damaged batch says it ends, and then everywhere; one that is found
somewhere must be known to the segment's index or be followed by another, because the value of a record may
hold bytes that look like a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from streamz_core.log.files import File
from streamz_core.log.segment_scan import LEADER_EPOCH, frame_problem, is_blank, scan
from streamz_core.progress import UNHEARD, Progress
from streamz_core.protocol.batch_header import OFFSET_MAX
from streamz_core.protocol.record_batch import (
    HEADER_BYTES,
    BatchHeader,
    CorruptBatch,
    check_crc,
    read_header,
)

_SEARCH_BYTES: Final = 1 << 20
_FRAME: Final = Struct(">qiib")
"""Base offset, length, leader epoch, magic: what the checksum leaves out."""
_LENGTH_BYTES: Final = 12
_EPOCH_AND_MAGIC: Final = b"\x00\x00\x00\x00\x02"
_MAGIC: Final = 2
_TO_EPOCH: Final = 12


class Kind(Enum):
    """What is to be said of a stretch of bytes."""

    SOUND = "sound"
    MENDED = "mended"
    """One batch, sound once its ``frame`` is put in the place of its first bytes."""
    LOST = "lost"
    TORN = "torn"
    """Behind what was ever known to be durable; it reaches to the end of the file."""
    ROOM = "room"
    """Taken for batches to come and not used; it reaches to the end of the file."""


class Stretch(NamedTuple):
    """Bytes ``start`` to ``end``, and the offsets they hold or held."""

    kind: Kind
    start: int
    end: int
    first_offset: int
    next_offset: int
    reason: str = ""
    frame: bytes = b""


class Expected(NamedTuple):
    """What is known of a segment from elsewhere."""

    base_offset: int
    end_offset: int
    """Where it is to end; the segment after it begins there."""
    certain_bytes: int
    """Below this byte position it was durable: damage is rot, not a torn tail."""
    limit: int = OFFSET_MAX
    """No offset in it reaches this: where the next segment begins, if there is one."""
    gaps: bool = False
    """Whether compaction may have left offsets out."""
    indexed: Mapping[int, int] = {}
    """Byte position -> last offset of batches, from an index that is known to be whole."""
    is_dense: bool = False
    """Whether ``indexed`` has every batch."""


class Survey:
    """One walk over the bytes of a segment."""

    def __init__(self, file: File, expected: Expected, progress: Progress = UNHEARD) -> None:
        self._file = file
        self._size = file.size()
        self._expected = expected
        self._progress = progress
        self.epochs: dict[int, int] = {}
        """Producer id -> the epoch it last wrote a transaction with."""

    def run(self) -> list[Stretch]:
        """The whole file, stretch by stretch; a last one of no bytes where offsets are missing at its end."""
        expected = self._expected
        begins = self._begins_elsewhere()
        if begins is not None:
            reason = f"another segment's file: its batches begin at offset {begins}"
            end_offset = max(expected.base_offset, expected.end_offset)
            return [Stretch(Kind.LOST, 0, self._size, expected.base_offset, end_offset, reason)]
        found: list[Stretch] = []
        position, offset = 0, expected.base_offset
        while position < self._size:
            start, first = position, offset
            reason = ""
            try:
                for header, at in self._sound(position, offset):
                    position, offset = at + header.size_bytes, header.next_offset
                    self._progress.add(header.size_bytes)
            except CorruptBatch as error:
                reason = error.reason
            if position > start:
                found.append(Stretch(Kind.SOUND, start, position, first, offset))
            if position >= self._size:
                break
            stretch = self._damaged(position, offset, reason)
            found.append(stretch)
            self._progress.add(stretch.end - stretch.start)
            position, offset = stretch.end, stretch.next_offset
        if offset < expected.end_offset and not (found and found[-1].kind is Kind.TORN):
            kind = Kind.LOST if self._size < expected.certain_bytes else Kind.TORN
            end = expected.end_offset
            found.append(Stretch(kind, self._size, self._size, offset, end, "the file ends here"))
        return found

    def _begins_elsewhere(self) -> int | None:
        """The first offset in the file if that is another one than the segment's, and not by damage.

        Of a damaged first offset the second batch would know nothing. What belongs elsewhere must not be shown
        here, whatever of it would fit.
        """
        first = self._header(0)
        if first is None or self._expected.gaps or first.base_offset == self._expected.base_offset:
            return None
        second = self._header(first.size_bytes)
        return first.base_offset if second and second.base_offset == first.next_offset else None

    def _sound(self, position: int, offset: int) -> Iterator[tuple[BatchHeader, int]]:
        expected = self._expected
        for batch in scan(self._file, position, self._size, offset, gaps=expected.gaps):
            header = batch.header
            if header.next_offset > expected.limit:
                raise CorruptBatch(batch.position, f"offset {header.last_offset}, beyond the segment's end")
            if not self._fits_index(batch.position, header):
                raise CorruptBatch(batch.position, f"offset {header.last_offset}, unknown to the index")
            if header.is_transactional:
                self.epochs[header.producer_id] = header.producer_epoch
            yield header, batch.position

    def _fits_index(self, position: int, header: BatchHeader) -> bool:
        return not self._expected.is_dense or self._expected.indexed.get(position) == header.last_offset

    def _damaged(self, position: int, offset: int, reason: str) -> Stretch:
        expected = self._expected
        is_last, is_torn = expected.limit == OFFSET_MAX, position >= expected.certain_bytes
        is_whole = offset == expected.limit or (is_last and is_torn)
        if is_whole and is_blank(self._file, position, self._size):
            return Stretch(Kind.ROOM, position, self._size, offset, offset)
        if is_torn:
            return Stretch(Kind.TORN, position, self._size, offset, offset, reason)
        end, next_offset = self._resume(position, offset)
        frame = self._mended(position, end, offset, next_offset)
        if frame:
            return Stretch(Kind.MENDED, position, end, offset, next_offset, reason, frame)
        return Stretch(Kind.LOST, position, end, offset, next_offset, reason)

    # -- after the damage -------------------------------------------------------------------------------

    def _resume(self, position: int, offset: int) -> tuple[int, int]:
        """The place and offset of the first sound batch after the damage; the segment's end if none is."""
        length = self._header(position)
        if length is not None:
            after = position + length.size_bytes
            header = self._header_of_sound(after, offset)
            if header is not None:
                return after, header.base_offset
        for place in self._candidates(position + 1):
            header = self._header_of_sound(place, offset)
            if header is not None and self._is_believed(place, header):
                return place, header.base_offset
        return self._size, max(offset, self._expected.end_offset)

    def _candidates(self, position: int) -> Iterator[int]:
        """Where a batch might begin: the bytes of leader epoch and magic are always the same."""
        while position + HEADER_BYTES <= self._size:
            data = self._file.read_at(position, _SEARCH_BYTES)
            found = data.find(_EPOCH_AND_MAGIC, _TO_EPOCH)
            while found >= 0:
                yield position + found - _TO_EPOCH
                found = data.find(_EPOCH_AND_MAGIC, found + 1)
            position += max(1, len(data) - _TO_EPOCH - len(_EPOCH_AND_MAGIC) + 1)

    def _header(self, position: int) -> BatchHeader | None:
        if not 0 <= position <= self._size - HEADER_BYTES:
            return None
        try:
            header = read_header(self._file.read_at(position, HEADER_BYTES))
        except CorruptBatch:
            return None
        return header if position + header.size_bytes <= self._size else None

    def _header_of_sound(self, position: int, offset: int) -> BatchHeader | None:
        header = self._header(position)
        if header is None or frame_problem(header, offset, gaps=True):
            return None
        if header.next_offset > self._expected.limit or not self._fits_index(position, header):
            return None
        whole = self._file.read_at(position, header.size_bytes)
        return header if len(whole) == header.size_bytes and check_crc(whole, 0, header) else None

    def _is_believed(self, position: int, header: BatchHeader) -> bool:
        if position in self._expected.indexed:
            return True
        after = position + header.size_bytes
        if after == self._size:
            return True
        follower = self._header(after)
        gaps = self._expected.gaps
        return follower is not None and not frame_problem(follower, header.next_offset, gaps=gaps)

    # -- a damaged frame ----------------------------------------------------------------------------------

    def _mended(self, start: int, end: int, offset: int, next_offset: int) -> bytes:
        """The first bytes of the batch as they must have been, if it is one batch and only they are damaged."""
        if end - start < HEADER_BYTES:
            return b""
        data = self._file.read_at(start, end - start)
        length = end - start - _LENGTH_BYTES
        try:
            body = read_header(_FRAME.pack(offset, length, LEADER_EPOCH, _MAGIC) + data[_FRAME.size :])
        except CorruptBatch:
            return b""
        gaps = self._expected.gaps
        last = self._expected.indexed.get(start, -1) if gaps else next_offset - 1
        base = last - body.last_offset_delta
        if len(data) != end - start or base < offset or last >= next_offset or (base > offset and not gaps):
            return b""
        frame = _FRAME.pack(base, length, LEADER_EPOCH, _MAGIC)
        mended = frame + data[_FRAME.size :]
        return frame if check_crc(mended, 0, read_header(mended)) else b""
