"""Where the parts of a store are that is read from outside: in tasks, or with the process itself.

Owns: finding the bytes and the time of a part, and saying why one cannot be read now.
Must not know: what is asked of a store, how entries lie in bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from streamz_core.errors import Retriable
from streamz_core.streams.runtime.task import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.state.store import Store
    from streamz_core.streams.runtime.standbys import Standby
    from streamz_core.streams.runtime.task import Task

OPEN: Final = (TaskState.RUNNING, TaskState.COMMITTING)


class StoreUnavailable(Retriable):
    """A partition of the store is being restored or moved, or is in another process: ask again, or ask there."""


class StoreParts(Protocol):
    """The parts of one store."""

    @property
    def count(self) -> int:
        """How many there are."""

    def check(self, part: int) -> None:
        """Raise ``StoreUnavailable`` where a part cannot be read at this moment."""

    def backend(self, part: int) -> Store:
        """The committed bytes."""

    def time_ms(self, part: int) -> int:
        """The time that entries of a store end by that has one."""


class TaskParts:
    """The partitions of a store, each with its task."""

    def __init__(
        self, name: str, subtopology: str, count: int, tasks: Callable[[], Mapping[str, Task]]
    ) -> None:
        """``tasks()`` are those that are in this process now, by id."""
        self.count: Final = count
        self._name = name
        self._subtopology = subtopology
        self._tasks = tasks

    def check(self, part: int) -> None:
        """Raise where the partition's task is elsewhere, or not working."""
        task = self._task(part)
        if task.state.value not in OPEN:
            restoring = task.stores.restoring.get(self._name)
            how = "" if restoring is None else f" (offset {restoring.position} of {restoring.end})"
            raise StoreUnavailable(
                f"partition {part} of store {self._name!r} is {task.state.value.value}{how}; ask again"
            )

    def backend(self, part: int) -> Store:
        """The task's committed bytes."""
        return self._task(part).stores.backend(self._name)

    def time_ms(self, part: int) -> int:
        """The store's own time."""
        time_ms: int = self._task(part).stores.any_store(self._name).stream_time_ms
        return time_ms

    def _task(self, part: int) -> Task:
        task = self._tasks().get(f"{self._subtopology}_{part}")
        if task is None:
            raise StoreUnavailable(
                f"partition {part} of store {self._name!r} is not in this process at the moment; "
                "ask the process that has it, or again"
            )
        return task


class StaleParts(TaskParts):
    """The same, where what is not up to date will do: stores that are being restored, and standbys."""

    def __init__(
        self,
        name: str,
        subtopology: str,
        count: int,
        tasks: Callable[[], Mapping[str, Task]],
        standbys: Callable[[], Mapping[str, Standby]],
    ) -> None:
        """``standbys()`` are the copies of this process, by task id."""
        super().__init__(name, subtopology, count, tasks)
        self._standbys = standbys

    def check(self, part: int) -> None:
        """Raise where the partition is neither worked on here, nor restored, nor copied."""
        self.backend(part)

    def backend(self, part: int) -> Store:
        """The bytes as they are: what was committed at some time, or, while it is restored, parts of that."""
        task_id = f"{self._subtopology}_{part}"
        task, copy = self._tasks().get(task_id), self._standbys().get(task_id)
        stores = task.stores if task is not None else None if copy is None else copy.stores
        found = None if stores is None else stores.open_backend(self._name)
        if found is None:
            raise StoreUnavailable(
                f"partition {part} of store {self._name!r} is not in this process at the moment, not even as a "
                "standby; ask the process that has it, or again"
            )
        return found

    def time_ms(self, part: int) -> int:
        """The store's own time; of one that is not worked on none is known, and nothing has ended."""
        task = self._tasks().get(f"{self._subtopology}_{part}")
        return super().time_ms(part) if task is not None and task.state.value in OPEN else 0


class GlobalParts:
    """A global table: all of it is in every process."""

    def __init__(self, parts: Sequence[Store], store: Any) -> None:
        """``store`` is the table as tasks see it."""
        self.count: Final = len(parts)
        self._parts = parts
        self._store = store

    def check(self, part: int) -> None:
        """Nothing: it is there before any task runs."""

    def backend(self, part: int) -> Store:
        """The bytes."""
        return self._parts[part]

    def time_ms(self, part: int) -> int:
        """The store's own time."""
        time_ms: int = self._store.stream_time_ms
        return time_ms
