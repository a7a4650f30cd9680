"""``Intake``: what a task takes next of what was fetched for it.

Owns: the task's inputs, the order between them, how many records are taken at once, and pausing and resuming
the partitions.
Must not know: processors, stores, commits, what becomes of failures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.model import TopicPartition
from streamz_core.streams.round import alone, interleaved
from streamz_core.streams.runtime.catch_up import CatchUp
from streamz_core.streams.runtime.input import PartitionInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.protocol.record_batch import Columns
    from streamz_core.streams.round import Round
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.failure_book import FailureBook
    from streamz_core.streams.runtime.services import TaskServices
    from streamz_core.streams.topology import SubTopology

CAUTIOUS_RECORDS: Final = 32
"""How many records are taken at once after one has failed: what goes before the next that does is done again."""


class Intake:
    """The inputs of one task."""

    def __init__(
        self,
        subtopology: SubTopology,
        partition: int,
        config: RuntimeConfig,
        services: TaskServices,
        book: FailureBook,
    ) -> None:
        """``partition`` of every source topic that has it; ``book`` says which records are taken alone."""
        self.inputs: Final[dict[TopicPartition, PartitionInput]] = {
            TopicPartition(topic, partition): PartitionInput(
                TopicPartition(topic, partition), source, config.buffered_records_max
            )
            for source in subtopology.sources
            for topic in source.topics
            if services.partition_counts.get(topic, 0) > partition
        }
        # Whether what a record finds depends on the order between its partition and the others.
        self._merges = bool(subtopology.stores) and len(self.inputs) > 1
        self._takes_rounds = subtopology.takes_rounds
        self._records_at_once = min(config.slice_records_max, config.commit_records_max)
        self._records_max: Final = self._records_at_once
        self._ahead_max_ms: Final = config.timestamp_ahead_max_ms
        self._consumer = services.consumer
        self._clock = services.clock
        self._book = book
        self._catch_up = CatchUp(services.consumer, services.clock, config.input_wait_max_ms)

    @property
    def latest_ms(self) -> int:
        """The latest timestamp that is believed now."""
        return int(self._clock.now_ms()) + self._ahead_max_ms

    def start(
        self,
        positions: Mapping[TopicPartition, int],
        times: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """Forget what waits and read from ``positions``; ``times`` are the partitions' there, ``ends`` their logs'."""
        self._catch_up.start(ends)
        for partition, waiting in self.inputs.items():
            waiting.clear(times[partition])
            waiting.is_paused = False
            self._consumer.seek(partition, positions[partition])
        self._consumer.resume(*self.inputs)

    def add(self, partition: TopicPartition, columns: Columns) -> bool:
        """Queue fetched records; whether the partition should be paused."""
        waiting = self.inputs[partition]
        waiting.add(columns)
        waiting.is_paused = waiting.wants_pause
        return waiting.is_paused

    async def next(self) -> Round | None:
        """What is to be handled next; None where nothing is, or something older may still come."""
        if self._merges and await self._catch_up.must_wait(self.inputs.values()):
            return None
        waiting = [queue for queue in self.inputs.values() if queue.record_count]
        if not waiting:
            return None
        latest_ms, now_ms = self.latest_ms, int(self._clock.now_ms())
        for queue in waiting:
            queue.stamp(self._records_at_once, latest_ms, now_ms)
        return self._chosen(waiting)

    def _chosen(self, waiting: list[PartitionInput]) -> Round:
        """Records of all partitions by their timestamps, or those of one up to another's next record.

        What a record finds in a store follows from timestamps, not from which fetch was answered first.
        """
        first = min(waiting, key=lambda queue: queue.head_timestamp) if len(waiting) > 1 else waiting[0]
        lone = self._book.next_alone(first.partition, first.head_offset)
        if lone == first.head_offset:
            return alone(first.peek(1))
        records_max = self._records_at_once
        if len(waiting) == 1 or self._takes_rounds:
            parts = [queue.peek(records_max, before_offset=self._next_alone(queue)) for queue in waiting]
            return interleaved(parts, records_max)
        up_to = None
        if self._merges:
            up_to = min(queue.head_timestamp for queue in waiting if queue is not first)
        return alone(first.peek(records_max, up_to_timestamp=up_to, before_offset=lone))

    def _next_alone(self, queue: PartitionInput) -> int | None:
        return self._book.next_alone(queue.partition, queue.head_offset)

    def advance(self, partition: TopicPartition, records: int) -> None:
        """The next records of a partition are done with."""
        queue = self.inputs[partition]
        if records:
            queue.advance(records)
        if queue.wants_resume:
            queue.is_paused = False
            self._consumer.resume(partition)

    def take_more(self, records: int) -> None:
        """Records came through together: as many as were asked for, so twice as many may be tried."""
        if records >= self._records_at_once:
            self._records_at_once = min(2 * records, self._records_max)

    def take_less(self) -> None:
        """A record failed: others may."""
        self._records_at_once = min(CAUTIOUS_RECORDS, self._records_max)

    async def reads_to_end(self) -> bool:
        """Whether nothing waits, and no log is known to have more."""
        return await self._has_read_to(self._consumer.last_stable_offset)

    async def nothing_is_coming(self) -> bool:
        """The same, and no transaction is open that may bring some."""
        return await self._has_read_to(self._consumer.highwater)

    async def _has_read_to(self, end_of: Callable[[TopicPartition], int | None]) -> bool:
        if any(queue.record_count for queue in self.inputs.values()):
            return False
        for partition in self.inputs:
            end = end_of(partition)
            # The consumer's position, not the task's: markers at the end are no records.
            if end is None or await self._consumer.position(partition) < end:
                return False
        return True

    def clear(self) -> None:
        """Forget what waits."""
        for waiting in self.inputs.values():
            waiting.clear()
