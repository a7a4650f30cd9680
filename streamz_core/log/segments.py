"""The segments of a partition, in order, the last one active.

Owns: which segment holds an offset; having a segment's indexes in memory when they are needed, and only then.
Must not know: durability, producers.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator

from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.replay import rebuild_indexes
from streamz_core.log.segment import Segment


class Segments:
    """Consecutive segments: each begins where the one before it ends."""

    __slots__ = ("_bases", "_directory", "_list", "_loaded", "removed")

    def __init__(self, directory: PartitionDirectory, segments: list[Segment]) -> None:
        self._directory = directory
        self._list = segments
        self._bases = [segment.base_offset for segment in segments]
        self._loaded: Segment | None = None  # of the sealed ones
        self.removed = 0
        """How many have been taken out since."""

    def __len__(self) -> int:
        return len(self._list)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._list)

    def __getitem__(self, number: int) -> Segment:
        return self._list[number]

    @property
    def active(self) -> Segment:
        """The one that takes appends."""
        return self._list[-1]

    @property
    def sealed(self) -> list[Segment]:
        """All but the active one."""
        return self._list[:-1]

    @property
    def size_bytes(self) -> int:
        """Bytes of all."""
        return sum(segment.size_bytes for segment in self._list)

    def add(self, segment: Segment) -> None:
        """Make ``segment`` the active one."""
        self._list.append(segment)
        self._bases.append(segment.base_offset)

    def remove_first(self) -> Segment:
        """Take the oldest out."""
        del self._bases[0]
        self.removed += 1
        return self._list.pop(0)

    def replace(self, first: int, count: int, replacement: Segment) -> None:
        """Put one segment in the place of ``count`` from number ``first`` on."""
        self._list[first : first + count] = [replacement]
        self._bases[first : first + count] = [replacement.base_offset]
        self._loaded = None

    def number_of(self, offset: int) -> int:
        """The number of the segment that holds ``offset``; -1 if it is before the first."""
        return bisect_right(self._bases, offset) - 1

    def load_indexes(self, segment: Segment, index_interval_bytes: int) -> None:
        """Have the indexes of ``segment`` in memory; of the sealed segments only the last asked for stays.

        Raises ``CorruptBatch`` if they must be rebuilt and the segment is not what it was sealed as.
        """
        if segment.indexes is not None:
            return
        if self._loaded is not None and self._loaded is not self.active:
            self._loaded.indexes = None
        if not segment.load_indexes():
            rebuild_indexes(self._list, segment, index_interval_bytes)
            with contextlib.suppress(OSError):  # caches
                segment.write_seal(self._directory.topic_id, self._directory.partition)
        self._loaded = segment
