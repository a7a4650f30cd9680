"""What a runtime says of itself: values, made on request.

Owns: the states of a runtime and its status report, put together from its tasks.
Must not know: how any of it comes about.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamz_core.client.consumer.consumer import AIOKafkaConsumer
    from streamz_core.model import TopicPartition
    from streamz_core.state.restore import RestoreProgress
    from streamz_core.streams.runtime.standbys import Standby
    from streamz_core.streams.runtime.task import Task, TaskState
    from streamz_core.streams.runtime.task_runner import TaskRunner


class RuntimeState(Enum):
    """Where a runtime is in its life."""

    CREATED = "created"
    STARTING = "starting"
    REBALANCING = "rebalancing"
    """Assigned partitions are being restored, or moved."""
    RUNNING = "running"
    """Every assigned partition is worked on."""
    FAILED = "failed"
    """Nothing is worked on any more; ``wait_failed`` has the reason."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One input partition. Offsets; ``end`` and ``lag`` are ``None`` before the first fetch."""

    partition: TopicPartition
    position: int | None
    committed: int | None
    end: int | None
    lag: int | None
    buffered_records: int


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One task. The counts are of this process's life, ``late_count`` of the store's."""

    task_id: str
    state: TaskState
    stream_time_ms: int
    partitions: tuple[PartitionStatus, ...]
    skipped_count: int
    dead_letter_count: int
    late_count: int
    restoring: tuple[RestoreProgress, ...]
    """The stores that are being restored, and how far that is."""
    restarts: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """A whole runtime."""

    app_id: str
    state: RuntimeState
    tasks: tuple[TaskStatus, ...]
    last_error: str | None
    standbys: tuple[Standby, ...] = ()
    """The warm copies here of other members' stores."""

    @property
    def is_ready(self) -> bool:
        """Whether every assigned partition is worked on."""
        return self.state is RuntimeState.RUNNING

    @property
    def lag(self) -> int:
        """Records that wait, over all partitions whose end is known."""
        return sum(part.lag or 0 for task in self.tasks for part in task.partitions)


def task_status(runner: TaskRunner, consumer: AIOKafkaConsumer | None) -> TaskStatus:
    """What is going on in one task; ``consumer`` knows how far its logs go."""
    task = runner.task
    return TaskStatus(
        task_id=task.task_id,
        state=task.state.value,
        stream_time_ms=task.stream_time_ms,
        partitions=tuple(_partition_status(task, partition, consumer) for partition in task.partitions),
        skipped_count=task.skipped_count,
        dead_letter_count=task.dead_letter_count,
        late_count=task.late_count,
        restoring=tuple(task.stores.restoring.values()),
        restarts=runner.restarts,
        last_error=runner.last_error,
    )


def _partition_status(
    task: Task, partition: TopicPartition, consumer: AIOKafkaConsumer | None
) -> PartitionStatus:
    position = task.positions.get(partition)
    end = None if consumer is None else consumer.last_stable_offset(partition)
    return PartitionStatus(
        partition=partition,
        position=position,
        committed=task.committed.get(partition),
        end=end,
        lag=None if end is None or position is None else max(0, end - position),
        buffered_records=task.inputs[partition].record_count,
    )
