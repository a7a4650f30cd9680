"""Background tasks that have an owner.

Owns: ``Supervisor``: it names its tasks, notices the first that fails, tells an observer, and
cancels the rest; nothing it started outlives its ``close``.
Must not know: what the tasks do.

Unlike ``asyncio.TaskGroup`` it does not cancel the code that holds it, so that a component can go
on answering "I have failed, for this reason" after its background work died.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from streamz_core.errors import Fatal, Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

T = TypeVar("T")

_log = logging.getLogger(__name__)


class SupervisorClosed(Misuse):
    """A task was given to a supervisor that is closed or has failed."""


class WorkCancelled(Fatal):
    """A task ended by a cancellation that nobody meant for it: its work is not done by anyone any more."""


class Supervisor:
    """Owner of background tasks.

        async with Supervisor("broker 'file:///data'") as background:
            background.spawn(flush_forever(), name="flusher")

    Leaving the scope cancels what still runs and raises the first failure, unless the body raised.
    """

    def __init__(self, name: str, *, on_failure: Callable[[BaseException], None] | None = None) -> None:
        """``on_failure`` is called once, in the event loop, with the first failure."""
        self._name = name
        self._on_failure = on_failure
        # A dict keeps the order of starting: tasks are cancelled in a known order.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._failure: BaseException | None = None
        self._failure_seen = asyncio.Event()
        self._closed = False

    @property
    def failure(self) -> BaseException | None:
        """The first failure of a task, None so far."""
        return self._failure

    @property
    def running(self) -> list[str]:
        """Names of the tasks that have not ended, oldest first."""
        return [task.get_name() for task in self._tasks]

    def spawn(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start ``work``; the task is called ``<supervisor>: <name>`` in tracebacks and ``running``."""
        if self._closed or self._failure is not None:
            work.close()
            state = "is closed" if self._closed else f"has failed ({self._failure!r})"
            raise SupervisorClosed(f"{self._name} {state}: it cannot start {name!r}")
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}: {name}")
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    async def wait_failed(self) -> BaseException:
        """Return the first failure, once there is one."""
        await self._failure_seen.wait()
        assert self._failure is not None
        return self._failure

    async def close(self) -> None:
        """Cancel every task and return once all have ended; again does nothing.

        A task may close its own supervisor: it is cancelled too, but not waited for.
        """
        self._closed = True
        self._cancel_all()
        others = [task for task in self._tasks if task is not asyncio.current_task()]
        if others:
            await asyncio.wait(others)
        # What had ended before this call still has its callback in the queue: let it be noticed.
        await asyncio.sleep(0)

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if error is None and self._failure is not None:
            raise self._failure

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        failure: BaseException | None
        if not task.cancelled():
            failure = task.exception()
        elif task.cancelling():
            failure = None
        else:
            failure = WorkCancelled(
                f"{task.get_name()}: something it awaited was cancelled, and that ended it"
            )
        if failure is None:
            return
        if self._failure is not None:
            _log.error("%s failed while stopping", task.get_name(), exc_info=failure)
            return
        self._failure = failure
        self._failure_seen.set()
        self._cancel_all()
        if self._on_failure is not None:
            self._on_failure(failure)


async def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel ``task`` and return once it has ended; raises its failure, if it fails instead."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (failure := task.exception()) is not None:
        raise failure
