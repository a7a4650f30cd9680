"""SIGINT and SIGTERM for verbs that run until they are told to stop.

Owns: turning the first signal into a future, and giving the second one its default effect.
Must not know: what stopping means to a verb.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

T = TypeVar("T")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruption() -> Iterator[asyncio.Future[None]]:
    """A future that the first signal completes; a second signal ends the process at once."""
    loop = asyncio.get_running_loop()
    interrupted: asyncio.Future[None] = loop.create_future()

    def on_signal(number: signal.Signals) -> None:
        if interrupted.done():  # it came before the first one was looked at, and is the second one still
            signal.raise_signal(number)
            return
        _forget(loop)
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        interrupted.set_result(None)

    for number in _SIGNALS:
        # Where the loop cannot (another thread than the main one), Python's own KeyboardInterrupt stays.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, on_signal, number)
    try:
        yield interrupted
    finally:
        if not interrupted.done():
            _forget(loop)


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


def _forget(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.remove_signal_handler(number)
