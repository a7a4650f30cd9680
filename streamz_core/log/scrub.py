"""Reading what nobody has read for long, to find rot while there is still a good copy somewhere.

Owns: one look at every byte of one sealed segment, in small steps.
Must not know: how fast, how often, what is done about damage.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.log.batch_run import FRAME_BYTES
from streamz_core.log.errors import CorruptRecord
from streamz_core.log.salvage import Expected, Survey
from streamz_core.log.segment import Segment, SegmentSummary
from streamz_core.log.segment_scan import scan
from streamz_core.protocol.crc import crc32c
from streamz_core.protocol.record_batch import CorruptBatch

if TYPE_CHECKING:
    from streamz_core.log.files import File

STEP_BYTES: Final = 256 << 10
"""A step reads about so much; one batch may be more."""


class ScrubTarget(NamedTuple):
    """A sealed segment to be read, and what it is known to hold."""

    name: str
    """The partition's, for messages."""
    segment: Segment
    summary: SegmentSummary


def scrub(target: ScrubTarget) -> Generator[int]:
    """Read a segment to its end, on a handle of its own; the bytes read by each step.

    Steps may be taken in a thread: nothing but the file is touched. Raises ``CorruptRecord`` naming the
    damaged offsets, ``FileNotFoundError`` if the segment is gone, ``OSError``.
    """
    segment = target.segment
    file = segment.open_files.files.open(segment.path, read_only=True)
    try:
        yield from _read(target, file)
    finally:
        file.close()


def _read(target: ScrubTarget, file: File) -> Generator[int]:
    summary = target.summary
    frames_crc = 0
    done = position = 0
    next_offset = summary.base_offset
    gaps = summary.is_compacted
    try:
        for batch in scan(file, 0, summary.size_bytes, next_offset, gaps=gaps):
            frames_crc = crc32c(bytes(batch.data[:FRAME_BYTES]), frames_crc)
            next_offset = batch.header.next_offset
            position = batch.position + batch.header.size_bytes
            if position - done >= STEP_BYTES:
                yield position - done
                done = position
        if frames_crc != summary.frames_crc or next_offset != summary.next_offset:
            raise CorruptBatch(0, "its batches are not those it was sealed with")
    except CorruptBatch as error:
        raise _corrupt(target, file, error) from None
    yield position - done


def _corrupt(target: ScrubTarget, file: File, error: CorruptBatch) -> CorruptRecord:
    summary = target.summary
    expected = Expected(
        summary.base_offset,
        summary.next_offset,
        certain_bytes=1 << 62,
        limit=summary.next_offset,
        gaps=summary.is_compacted,
    )
    stretches = Survey(file, expected).run()
    start, stop = summary.base_offset, summary.next_offset
    for stretch in stretches:
        if stretch.start <= error.position and stretch.reason:
            start, stop = stretch.first_offset, max(stretch.next_offset, stretch.first_offset + 1)
    return CorruptRecord(target.name, target.segment.path, start, stop, error.position, error.reason)
