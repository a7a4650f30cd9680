"""Walking over the batches of a segment, front to back.

Owns: reading a ``.log`` in bounded pieces and telling batch by batch what is there, or where it stops
making sense.
Must not know: what damage means at that place: rot, or a torn tail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from streamz_core.log.files import File
from streamz_core.protocol.record_batch import HEADER_BYTES, BatchHeader, CorruptBatch, check_crc, read_header

CHUNK_BYTES: Final = 1 << 20
_SKIPPED_MAX: Final = (1 << 31) - 1
"""No segment holds offsets further apart than this."""
LEADER_EPOCH: Final = 0
"""What every stored batch has: the log has one owner, and a constant that is not covered by the batch's
checksum can be checked."""


class ScannedBatch(NamedTuple):
    """A whole, sound batch: its header and, in ``buffer`` from ``at`` on, its bytes."""

    position: int
    header: BatchHeader
    buffer: bytes
    at: int

    @property
    def data(self) -> memoryview:
        """All bytes of the batch."""
        return memoryview(self.buffer)[self.at : self.at + self.header.size_bytes]


def scan(
    file: File, start: int, end: int, next_offset: int, *, gaps: bool, check: bool = True
) -> Iterator[ScannedBatch]:
    """The batches from byte ``start`` to ``end``; the first is to begin at ``next_offset``.

    Raises ``CorruptBatch`` (its position that in the file) at the first byte that is not a sound batch that
    continues the offsets; with ``gaps``, offsets may be missing between batches, as compaction leaves it.
    """
    position = start
    wanted = CHUNK_BYTES
    while position < end:
        size = min(wanted, end - position)
        buffer = file.read_at(position, size)
        if len(buffer) < size:
            raise CorruptBatch(position + len(buffer), f"the file ends here, before byte {end}")
        at = 0
        while True:
            header = _header_at(buffer, at, position, end)
            if header is None or at + header.size_bytes > len(buffer):
                break
            problem = frame_problem(header, next_offset, gaps=gaps)
            if not problem and check and not check_crc(buffer, at, header):
                problem = "its checksum is not that of its bytes"
            if problem:
                raise CorruptBatch(position + at, problem)
            yield ScannedBatch(position + at, header, buffer, at)
            next_offset = header.next_offset
            at += header.size_bytes
        position += at
        wanted = CHUNK_BYTES if header is None else max(CHUNK_BYTES, header.size_bytes)


def frame_problem(header: BatchHeader, next_offset: int, *, gaps: bool) -> str:
    """What is wrong with the fields that the batch's checksum leaves out; empty if nothing is."""
    if header.leader_epoch != LEADER_EPOCH:
        return f"leader epoch {header.leader_epoch}"
    skipped = header.base_offset - next_offset
    if skipped < 0 or skipped > _SKIPPED_MAX or (skipped and not gaps):
        return f"base offset {header.base_offset} where {next_offset} follows"
    return ""


def is_blank(file: File, start: int, end: int) -> bool:
    """Whether bytes ``start`` to ``end`` are zeros: room that was taken for batches and not used yet."""
    for position in range(start, end, CHUNK_BYTES):
        if any(file.read_at(position, min(CHUNK_BYTES, end - position))):
            return False
    return True


def _header_at(buffer: bytes, at: int, position: int, end: int) -> BatchHeader | None:
    """The header at ``at``, None if the buffer ends inside it but the file goes on."""
    if len(buffer) - at < HEADER_BYTES and position + len(buffer) < end and at > 0:
        return None
    if position + at == end:
        return None
    try:
        header = read_header(buffer, at)
    except CorruptBatch as error:
        raise CorruptBatch(position + at, error.reason) from None
    if position + at + header.size_bytes > end:
        raise CorruptBatch(position + at, f"{header.size_bytes} bytes long, {end - position - at} are there")
    return header
