"""``PartitionInput``: fetched records of one partition, waiting for their task.

Owns: the queue of chunks, how far the task is in it, when to pause and resume fetching, and the time of the
partition as far as timestamps were taken from decoded records.
Must not know: tasks, which partition is handled next.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from streamz_core.streams.chunk import Chunk
from streamz_core.streams.round import Part

if TYPE_CHECKING:
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.record_batch import Columns
    from streamz_core.streams.topology import SourceSpec


class PartitionInput:
    """A queue of chunks, consumed record by record from the front."""

    def __init__(self, partition: TopicPartition, source: SourceSpec, records_max: int) -> None:
        """Ask for a pause of the partition while more than ``records_max`` records wait."""
        self.partition = partition
        self.source = source
        self._records_max = records_max
        self._chunks: deque[Chunk] = deque()
        self._index = 0
        self._time_ms = -1
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
        """The time of the next record; there must be one, and it must have one."""
        return int(self._chunks[0].times[self._index])

    @property
    def head_offset(self) -> int:
        """The offset of the next record; there must be one."""
        return self._chunks[0].columns.offsets[self._index]

    def add(self, columns: Columns) -> None:
        """Queue what was fetched next."""
        if len(columns):
            source = self.source
            self._chunks.append(
                Chunk(
                    self.partition, columns, source.key_codec, source.value_codec, source.timestamp_extractor
                )
            )
            self.record_count += len(columns)

    def stamp(self, records_max: int, latest_ms: int, now_ms: int) -> None:
        """Have times for so many of the next records, where the source takes them from decoded records."""
        if self.source.timestamp_extractor is not None:
            chunk = self._chunks[0]
            stop = min(self._index + records_max, len(chunk))
            self._time_ms = chunk.stamp(stop, self._time_ms, latest_ms, now_ms)

    def peek(
        self, records_max: int, *, up_to_timestamp: int | None = None, before_offset: int | None = None
    ) -> Part:
        """The next records: of one fetch, in order, with times, and not past the bounds given.

        At least one, but where ``before_offset`` is that of the first.
        """
        chunk, start = self._chunks[0], self._index
        stop = min(start + records_max, len(chunk.times))
        offsets = chunk.columns.offsets
        if before_offset is not None and offsets[stop - 1] >= before_offset:
            stop = next((i for i in range(start, stop) if offsets[i] >= before_offset), stop)
        if up_to_timestamp is not None:
            times = chunk.times
            stop = next((i for i in range(start + 1, stop) if times[i] > up_to_timestamp), stop)
        return Part(chunk, start, stop)

    def advance(self, records: int) -> None:
        """The first ``records`` are done with; they are of one fetch."""
        self.record_count -= records
        self._index += records
        if self._index == len(self._chunks[0]):
            self._chunks.popleft()
            self._index = 0

    def clear(self, time_ms: int = -1) -> None:
        """Forget what waits; what comes next comes at a partition time of ``time_ms``."""
        self._chunks.clear()
        self._index = 0
        self._time_ms = time_ms
        self.record_count = 0
