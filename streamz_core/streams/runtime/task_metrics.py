"""What a task counts, as its processors may read it.

Owns: the names of the numbers, and putting them together.
Must not know: how any of them comes about.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.model import TopicPartition
    from streamz_core.streams.runtime.input import PartitionInput
    from streamz_core.streams.runtime.ports import Consumer


class Counting(Protocol):
    """A task, as far as it counts."""

    commit_count: int
    stream_time_ms: int

    @property
    def skipped_count(self) -> int:
        """Records skipped by policy."""

    @property
    def dead_letter_count(self) -> int:
        """Dead letters sent."""

    @property
    def late_count(self) -> int:
        """Records that came after their window had closed."""

    @property
    def inputs(self) -> Mapping[TopicPartition, PartitionInput]:
        """What waits, by partition."""

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """The next offset to handle, by partition."""


def task_metrics(task: Counting, consumer: Consumer) -> Mapping[str, int]:
    """The numbers of one task now, read-only; all but the late records are of its life in this process."""
    return MappingProxyType(
        {
            "commit_count": task.commit_count,
            "skipped_count": task.skipped_count,
            "dead_letter_count": task.dead_letter_count,
            "late_count": task.late_count,
            "buffered_records": sum(waiting.record_count for waiting in task.inputs.values()),
            "lag": sum(
                _lag(consumer.last_stable_offset(part), task.positions.get(part)) for part in task.inputs
            ),
            "stream_time_ms": task.stream_time_ms,
        }
    )


def _lag(end: int | None, position: int | None) -> int:
    """Records that wait in a partition, as far as is known."""
    return 0 if end is None or position is None else max(0, end - position)
