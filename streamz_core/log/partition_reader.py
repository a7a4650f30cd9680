"""Reading from a partition's segments, and remembering where the last reads ended.

Owns: picking the segment, the hints that spare sequential readers the index, and naming what went wrong.
Must not know: high watermarks, appends; callers say from where and up to where.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from streamz_core.log import lookup
from streamz_core.log.errors import CorruptRecord, StorageFailure
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.reader import Place, damage_end, place_of, read_piece
from streamz_core.log.segment import Segment
from streamz_core.log.segments import Segments
from streamz_core.protocol.record_batch import CorruptBatch

HINTS_MAX: Final = 64
"""So many readers may follow a partition without an index lookup for each read."""


class PartitionReader:
    """The reading side of one partition."""

    def __init__(self, directory: PartitionDirectory, segments: Segments, index_interval_bytes: int) -> None:
        self.index_interval_bytes = index_interval_bytes
        self._directory = directory
        self._segments = segments
        self._hints: dict[int, tuple[int, int]] = {}  # offset -> (segment base, position) of the batch there

    def read(self, offset: int, max_bytes: int, up_to: int) -> bytes | memoryview:
        """Whole batches from the one that holds ``offset``, below ``up_to``; see ``PartitionLog.read``."""
        number = self._segments.number_of(offset)
        while offset < up_to and 0 <= number < len(self._segments):
            data, offset = self._read_segment(self._segments[number], offset, max_bytes, up_to)
            if data:
                return data
            number += 1  # compaction may have left nothing up to the segment's end
        return b""

    def first_at_or_after(self, timestamp: int, start_offset: int) -> tuple[int, int] | None:
        """(offset, timestamp) of the first record at or after ``timestamp`` (ms)."""
        with self.naming_damage():
            interval = self.index_interval_bytes
            return lookup.first_at_or_after(self._segments, timestamp, start_offset, interval)

    def latest(self, start_offset: int) -> tuple[int, int] | None:
        """(offset, timestamp) of the first record that has the latest timestamp."""
        with self.naming_damage():
            return lookup.latest(self._segments, start_offset, self.index_interval_bytes)

    def aborted_between(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """(producer id, first offset, last offset) of the aborted transactions that touch the range."""
        with self.naming_damage():
            return lookup.aborted_between(self._segments, start, stop, self.index_interval_bytes)

    def forget_places(self) -> None:
        """Segments were rewritten: batches are elsewhere."""
        self._hints.clear()

    @contextlib.contextmanager
    def naming_damage(self, action: str = "reading") -> Iterator[None]:
        """Say which partition could not be read, and why."""
        try:
            yield
        except CorruptBatch as error:
            first, last = self._segments[0], self._segments.active
            raise CorruptRecord(
                self._directory.name,
                self._directory.path,
                first.base_offset,
                last.next_offset,
                error.position,
                error.reason,
            ) from None
        except OSError as error:
            path = error.filename or self._directory.path
            raise StorageFailure(self._directory.name, action, path, error) from error

    def _read_segment(
        self, segment: Segment, offset: int, max_bytes: int, up_to: int
    ) -> tuple[bytes | memoryview, int]:
        name = self._directory.name
        try:
            place = self._place_of(segment, offset)
            data, next_offset, position = read_piece(segment, place, offset, max_bytes, up_to)
        except CorruptBatch as error:
            stop = max(damage_end(segment, error.position), offset + 1)
            raise CorruptRecord(name, segment.path, offset, stop, error.position, error.reason) from None
        except OSError as error:
            raise StorageFailure(name, "reading", segment.path, error) from error
        if data:
            if len(self._hints) >= HINTS_MAX:
                del self._hints[next(iter(self._hints))]
            self._hints[next_offset] = (segment.base_offset, position)
        return data, next_offset

    def _place_of(self, segment: Segment, offset: int) -> Place:
        hint = self._hints.get(offset)
        if hint is not None and hint[0] == segment.base_offset and not segment.summary.is_compacted:
            return Place(hint[1], offset)
        self._segments.load_indexes(segment, self.index_interval_bytes)
        return place_of(segment, offset)
