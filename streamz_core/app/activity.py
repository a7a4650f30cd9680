"""``Activity``: what the processors of one task know together.

Owns: when the task last had input, how far each topic's time has come, which topics a table is written
from.
Must not know: what agents or tables do with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.streams.processor import ProcessorContext


class TaskActivity:
    """One task."""

    __slots__ = ("last_input_ms", "sources", "times")

    def __init__(self, now_ms: float) -> None:
        """Opened at ``now_ms`` of the monotonic clock, which counts as input."""
        self.last_input_ms = now_ms
        self.times: Final[dict[str, int]] = {}
        """By topic: the stream time of this task's partition of it."""
        self.sources: Final[dict[str, set[str]]] = {}
        """By table: the topics of the agents that use it."""

    @property
    def is_timed(self) -> bool:
        """Whether anybody will ask for times; who begins to does so before the slice in hand is done."""
        return bool(self.sources)

    def note_input(self, now_ms: float) -> None:
        """Records were handled at ``now_ms``."""
        self.last_input_ms = now_ms

    def note_time(self, topic: str, time_ms: int) -> None:
        """The topic's records were handled up to stream time ``time_ms``."""
        self.times[topic] = time_ms

    def uses(self, table: str, topics: Iterable[str]) -> None:
        """An agent of ``topics`` uses a table: its windows close by the time of those topics."""
        self.sources.setdefault(table, set()).update(topics)

    def time_of(self, table: str) -> int:
        """The highest stream time of the topics that a table is used from; -1 before there is one."""
        return max((self.times.get(topic, -1) for topic in self.sources.get(table, ())), default=-1)


class Activity:
    """The open tasks of one app in this process."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        """No task yet."""
        self._tasks: dict[str, TaskActivity] = {}

    def of(self, context: ProcessorContext) -> TaskActivity:
        """The activity of a task; its processors share it."""
        found = self._tasks.get(context.task_id)
        if found is None:
            found = self._tasks[context.task_id] = TaskActivity(context.clock.monotonic_ms())
        return found

    def forget(self, context: ProcessorContext) -> None:
        """The task is closed."""
        self._tasks.pop(context.task_id, None)
