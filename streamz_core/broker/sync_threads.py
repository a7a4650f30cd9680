"""The threads that block in fdatasync so that the event loop does not.

Owns: their number and their lives, and the way of a job to them and back.
Must not know: what is synced, or who waits for it.

An executor would do, but every commit waits for the way there and back, and an executor's futures, locks and
callbacks are a third of it. Threads are started when there is work for one more, and are daemons: a program
that ends without closing its broker has crashed, to the log, and must not hang at its end.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

R = TypeVar("R")


class Ended(NamedTuple, Generic[R]):
    """How a job ended: with a result, or with an exception."""

    result: R | None
    fault: BaseException | None


class _Job(NamedTuple, Generic[R]):
    work: Callable[[], R]
    done: Callable[[Ended[R]], None]


class SyncThreads(Generic[R]):
    """Runs jobs in up to ``threads_max`` threads, and tells ``loop``, from which it is used, how they ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads_max: int) -> None:
        self._loop = loop
        self._threads_max = threads_max
        self._jobs: SimpleQueue[_Job[R] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._under_way = 0
        # Whoever is abandoned without being closed, as by a crash, leaves no thread behind.
        weakref.finalize(self, _dismiss, self._jobs, self._threads).atexit = False

    def submit(self, work: Callable[[], R], done: Callable[[Ended[R]], None]) -> None:
        """Run ``work`` in a thread, and then ``done`` on the loop."""
        self._under_way += 1
        if len(self._threads) < min(self._under_way, self._threads_max):
            name = f"streamz-sync-{len(self._threads)}"
            thread = threading.Thread(target=_serve, args=(self._jobs, self._loop), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

        def ended(how: Ended[R]) -> None:
            self._under_way -= 1
            done(how)

        self._jobs.put(_Job(work, ended))

    def close(self) -> None:
        """Drop the jobs that have not begun, wait for those that have, and end the threads."""
        with contextlib.suppress(Empty):
            while True:
                self._jobs.get_nowait()
        _dismiss(self._jobs, self._threads)
        while self._threads:
            self._threads.pop().join()


def _dismiss(jobs: SimpleQueue[_Job[R] | None], threads: list[threading.Thread]) -> None:
    for _ in threads:
        jobs.put(None)


def _serve(jobs: SimpleQueue[_Job[R] | None], loop: asyncio.AbstractEventLoop) -> None:
    """A thread's life. It knows nothing of who made it, so that this can be forgotten."""
    while (job := jobs.get()) is not None:
        how: Ended[R]
        try:
            how = Ended(job.work(), None)
        except BaseException as fault:  # noqa: BLE001 - whoever waits must hear of it
            how = Ended(None, fault)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(job.done, how)
        del job
