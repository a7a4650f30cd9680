"""Verbs that run until they are told to stop.

Owns: the future that tells a verb of the first signal, and working until then; SIGHUP for what is no terminal's.
Must not know: what stopping means to a verb.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, TypeVar

from streamz_core.aio.interruption import first_signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

T = TypeVar("T")


@contextlib.contextmanager
def interruption() -> Iterator[asyncio.Future[None]]:
    """A future that the first SIGINT or SIGTERM completes; a second one ends the process at once."""
    interrupted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with first_signal(lambda _: interrupted.set_result(None)):
        yield interrupted


@contextlib.contextmanager
def hangups(told: Callable[[], None]) -> Iterator[None]:
    """Call ``told`` at each SIGHUP, by which services are asked to look at their files anew.

    To what reads from a terminal it says that this is gone, and ends it as ever.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, told)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def unless(interrupted: asyncio.Future[None], work: Awaitable[T]) -> T | None:
    """The result of ``work``, or None if the interruption came first; then ``work`` is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, interrupted), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
