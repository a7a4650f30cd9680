"""Bytes to the end of a partition: into its active segment, or into a new one.

Owns: when a segment is full, sealing it and beginning the next, and mending the end that a failed write left torn.
Must not know: what the bytes mean, when they are synced, who may see them.
"""

from __future__ import annotations

import contextlib
from typing import Final

from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import StorageFailure
from streamz_core.log.files import Buffer
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.rolling import roll_after_ms
from streamz_core.log.segment import Segment
from streamz_core.log.segments import Segments
from streamz_core.log.sync import Unsynced

_RELATIVE_OFFSET_MAX: Final = (1 << 31) - 1
_INDEX_ENTRY_BYTES_MAX: Final = 12


class SegmentWriter:
    """Writes behind the last batch of one partition. What it raises is ``StorageFailure``."""

    __slots__ = ("_directory", "_has_torn_end", "_name", "_next_offset", "_segments", "_unsynced")

    def __init__(
        self, directory: PartitionDirectory, segments: Segments, unsynced: Unsynced, next_offset: int
    ) -> None:
        """``next_offset``: where the log ends, which is where the next segment begins."""
        self._directory = directory
        self._name = directory.name
        self._segments = segments
        self._unsynced = unsynced
        self._next_offset = next_offset
        self._has_torn_end = False

    def write(
        self,
        data: Buffer | list[Buffer],
        size: int,
        next_offset: int,
        config: TopicConfig,
        now_ms: int,
    ) -> Segment:
        """Write ``size`` bytes of batches that end before ``next_offset``; the segment they are in.

        That takes them in (``Segment.observe``) before the next call. Where this raises, nothing is left of them.
        """
        segment = self._segment_for(size, next_offset, config, now_ms)
        self._mend()
        position = segment.size_bytes
        try:
            self._unsynced.wrote(segment.path)
            file = segment.file()
            if config.preallocate:
                segment.make_room(size)
        except OSError as error:
            raise StorageFailure(self._name, "opening", segment.path, error) from error
        try:
            file.write_at(position, data)
        except OSError as error:
            self._has_torn_end = True
            with contextlib.suppress(StorageFailure):  # then it is tried again before the next append
                self._mend()
            raise StorageFailure(self._name, "writing", segment.path, error) from error
        self._next_offset = next_offset
        return segment

    def roll(self) -> Segment:
        """Begin a new active segment at the log's end. The sealed one is synced with the next ticket."""
        self._mend()
        self.end_active()
        segment = Segment(self._directory.open_files, self._directory.path, self._next_offset)
        try:
            segment.create_file()
        except OSError as error:
            raise StorageFailure(self._name, "creating a segment", segment.path, error) from error
        self._unsynced.changed_directory()
        if len(self._segments) > 0:
            # A seal is a cache: a full disk must not stop the roll that retention needs to free it.
            with contextlib.suppress(OSError):
                self._segments.active.seal(self._directory.topic_id, self._directory.partition)
        self._segments.add(segment)
        return segment

    def end_active(self) -> None:
        """Give back the room that was taken; synced with the next ticket, or the next opening may have to do it."""
        if len(self._segments) == 0 or not self._segments.active.has_room:
            return
        active = self._segments.active
        try:
            self._unsynced.wrote(active.path)
            active.cut()
        except OSError as error:
            raise StorageFailure(self._name, "truncating", active.path, error) from error

    def _mend(self) -> None:
        """Cut off what a failed append left behind the last whole batch."""
        if not self._has_torn_end:
            return
        segment = self._segments.active
        try:
            segment.cut()
        except OSError as error:
            raise StorageFailure(self._name, "truncating", segment.path, error) from error
        self._has_torn_end = False

    def _segment_for(self, size: int, next_offset: int, config: TopicConfig, now_ms: int) -> Segment:
        """The active segment, after a roll if these ``size`` bytes do not belong into it any more."""
        if len(self._segments) == 0:
            return self.roll()
        active = self._segments.active
        summary = active.summary
        if summary.batch_count == 0:
            return active
        assert active.indexes is not None
        if (
            summary.size_bytes + size > config.segment_bytes
            or now_ms - summary.created_ms > roll_after_ms(config, self._name, active.base_offset)
            or next_offset - active.base_offset > _RELATIVE_OFFSET_MAX
            or len(active.indexes.times.data) + _INDEX_ENTRY_BYTES_MAX > config.segment_index_bytes
        ):
            return self.roll()
        return active
