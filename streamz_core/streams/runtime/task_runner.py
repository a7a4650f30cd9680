"""``TaskRunner``: keeps one partition of a sub-topology worked on, over any number of tasks.

Owns: making a task, making the next one when it was interrupted, and giving up after a while.
Must not know: assignments, how a task works.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import sleep
from streamz_core.client.errors import ProducerFenced
from streamz_core.errors import Retriable
from streamz_core.streams.runtime.committer import FENCED
from streamz_core.streams.runtime.failures import TaskFailed
from streamz_core.streams.runtime.task import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.clock import Clock
    from streamz_core.model import TopicPartition
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.task import Task

_log = logging.getLogger(__name__)

BACKOFF_MAX_MS: Final = 5_000
_INTERRUPTIONS: Final = (Retriable, ProducerFenced, *FENCED)


class TaskRunner:
    """Runs a task, and a fresh one from the last commit after every interruption."""

    def __init__(self, make_task: Callable[[], Task], config: RuntimeConfig, clock: Clock) -> None:
        """``make_task`` makes a task that has not run yet."""
        self._make_task = make_task
        self._config = config
        self._clock = clock
        self._stopping = asyncio.Event()
        self._failing_since_ms: float | None = None
        self._backoff_ms = config.retry_backoff_ms
        self.task = make_task()
        self.restarts = 0
        self.last_error: str | None = None

    @property
    def task_id(self) -> str:
        """The id of every task this makes."""
        return self.task.task_id

    @property
    def partitions(self) -> list[TopicPartition]:
        """The input partitions it works on."""
        return self.task.partitions

    def stop(self) -> None:
        """Finish the record in hand, commit, and end."""
        self._stopping.set()
        self.task.stop()

    async def run(self) -> None:
        """Return once stopped. Raises what no restart can help, or ``TaskFailed`` when they do not."""
        while (interruption := await self._run_once()) is not None:
            if self._stopping.is_set():
                _log.warning("task %s ends without its last commit: %s", self.task_id, interruption)
                return
            self._note(interruption)
            await sleep(self._clock, self._backoff_ms)
            self._backoff_ms = min(self._backoff_ms * 2, BACKOFF_MAX_MS)
            if self._stopping.is_set():
                return
            self.restarts += 1
            self.task = self._make_task()

    @property
    def is_settled(self) -> bool:
        """Whether the task works, as opposed to being on its way to it."""
        return self.task.state.value in (TaskState.RUNNING, TaskState.COMMITTING)

    async def _run_once(self) -> Exception | None:
        try:
            await self.task.run()
        except _INTERRUPTIONS as error:
            return error
        return None

    def _note(self, interruption: Exception) -> None:
        """Remember the error; raise ``TaskFailed`` where restarts have not helped for too long."""
        self.last_error = str(interruption)
        now_ms, config = self._clock.monotonic_ms(), self._config
        if self.task.commit_count or self._failing_since_ms is None:
            self._failing_since_ms, self._backoff_ms = now_ms, config.retry_backoff_ms
        if now_ms - self._failing_since_ms > config.retry_timeout_ms:
            raise TaskFailed(
                f"task {self.task_id} of app {config.app_id!r} was restarted for "
                f"{config.retry_timeout_ms} ms without any commit; the last error: {interruption}"
            ) from interruption
        _log.warning("task %s starts again from its last commit: %s", self.task_id, interruption)
