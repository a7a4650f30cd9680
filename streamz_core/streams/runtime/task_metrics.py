"""What a task counts, as its processors may read it.

Owns: the names of the numbers, and putting them together.
Must not know: how any of them comes about.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.streams.runtime.ports import Consumer
    from streamz_core.streams.runtime.task import Task


def task_metrics(task: Task, consumer: Consumer) -> Mapping[str, int]:
    """The numbers of one task now, read-only; all but the late records are of its life in this process."""
    return MappingProxyType(
        {
            "commit_count": task.commit_count,
            "skipped_count": task.skipped_count,
            "dead_letter_count": task.dead_letter_count,
            "late_count": task.late_count,
            "buffered_records": sum(task.inputs[part].record_count for part in task.partitions),
            "lag": sum(
                _lag(consumer.last_stable_offset(part), task.positions.get(part)) for part in task.partitions
            ),
            "stream_time_ms": task.stream_time_ms,
        }
    )


def _lag(end: int | None, position: int | None) -> int:
    """Records that wait in a partition, as far as is known."""
    return 0 if end is None or position is None else max(0, end - position)
