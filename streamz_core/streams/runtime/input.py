"""``PartitionInput``: fetched records of one partition that wait for their task.

Owns: the order and the bounds of what waits, and cutting slices off its front.
Must not know: consumers, codecs, processors.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.record_batch import Columns


class Slice(NamedTuple):
    """Records ``start`` to ``stop`` of fetched columns, of one partition."""

    partition: TopicPartition
    columns: Columns
    start: int
    stop: int

    @property
    def next_offset(self) -> int:
        """The offset behind the last record."""
        return self.columns.offsets[self.stop - 1] + 1


class PartitionInput:
    """A queue of fetched columns, consumed record by record from the front."""

    def __init__(self, partition: TopicPartition, records_max: int) -> None:
        """Ask for a pause of the partition while more than ``records_max`` records wait."""
        self.partition = partition
        self._records_max = records_max
        self._chunks: deque[Columns] = deque()
        self._index = 0
        self.record_count = 0
        self.is_paused = False

    @property
    def wants_pause(self) -> bool:
        """Whether no more should be fetched for now."""
        return self.record_count >= self._records_max

    @property
    def wants_resume(self) -> bool:
        """Whether a paused partition should be fetched again."""
        return self.is_paused and self.record_count <= self._records_max // 2

    @property
    def head_timestamp(self) -> int:
        """The timestamp of the next record; there must be one."""
        return self._chunks[0].timestamps[self._index]

    @property
    def head_offset(self) -> int:
        """The offset of the next record; there must be one."""
        return self._chunks[0].offsets[self._index]

    def add(self, columns: Columns) -> None:
        """Queue what was fetched next."""
        if len(columns):
            self._chunks.append(columns)
            self.record_count += len(columns)

    def peek(
        self, records_max: int, *, up_to_timestamp: int | None = None, before_offset: int | None = None
    ) -> Slice:
        """The next records, at least one: of one fetch, in order, and not past the bounds given."""
        columns, start = self._chunks[0], self._index
        stop = min(start + records_max, len(columns))
        if before_offset is not None and columns.offsets[stop - 1] >= before_offset:
            offsets = columns.offsets
            stop = next((i for i in range(start, stop) if offsets[i] >= before_offset), stop)
        if up_to_timestamp is not None:
            timestamps = columns.timestamps
            stop = next((i for i in range(start, stop) if timestamps[i] > up_to_timestamp), stop)
        return Slice(self.partition, columns, start, max(stop, start + 1))

    def advance(self, records: int) -> None:
        """The first ``records`` are done with; they are of one fetch."""
        self.record_count -= records
        self._index += records
        if self._index == len(self._chunks[0]):
            self._chunks.popleft()
            self._index = 0

    def clear(self) -> None:
        """Forget what waits."""
        self._chunks.clear()
        self._index = 0
        self.record_count = 0
