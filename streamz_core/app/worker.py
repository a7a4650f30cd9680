"""Running an app as a process.

Owns: the signals SIGTERM and SIGINT, and what ends the process.
Must not know: how an app starts or stops, command lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import wait_for
from streamz_core.app.owner_watch import OwnerGone
from streamz_core.app.worker_processes import minded

if TYPE_CHECKING:
    from streamz_core.app.services import Startable

logger: Final = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def run(app: Startable, on_owner_gone: Callable[[bool], None] | None = None) -> None:
    """Run the app until a signal or a failure; raises the failure.

    The first signal stops it gracefully within its ``shutdown_timeout``; a second one ends the process
    at once, which costs no data: it goes on from its last commit.

    Where another process owned the log and is gone, there is nothing left to commit to: ``on_owner_gone`` is called
    at once, with whether a signal had come, and does not return (a process that begins anew is one that crashed).
    Without it ``OwnerGone`` is a failure as any other.
    """
    stop_wanted = asyncio.Event()
    with signals(stop_wanted), minded(stop_wanted.set):
        await app.start()
        failed = asyncio.ensure_future(app.wait_failed())
        stopped = asyncio.ensure_future(stop_wanted.wait())
        try:
            await asyncio.wait((failed, stopped), return_when=asyncio.FIRST_COMPLETED)
            failure = failed.result() if failed.done() else None
            if not isinstance(failure, OwnerGone):
                failure = await _stopped(app, failed) or failure
        finally:
            failed.cancel()
            stopped.cancel()
        if isinstance(failure, OwnerGone) and on_owner_gone is not None:
            logger.warning("%s", failure)
            on_owner_gone(stop_wanted.is_set())
        if failure is not None:
            raise failure


async def _stopped(app: Startable, failed: asyncio.Future[BaseException]) -> OwnerGone | None:
    """Stop the app; ``OwnerGone`` where that cannot be finished because its log is not there any more."""
    stopping = asyncio.ensure_future(_stop(app))
    if not failed.done():
        await asyncio.wait((stopping, failed), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and isinstance(failure := failed.result(), OwnerGone):
            stopping.cancel()
            return failure
    await stopping
    return None


async def _stop(app: Startable) -> None:
    limit_ms = app.conf.milliseconds("shutdown_timeout")
    await wait_for(
        app.clock, app.stop(), limit_ms, what=f"stopping app {app.id!r} (setting 'shutdown_timeout')"
    )


@contextlib.contextmanager
def signals(stop_wanted: asyncio.Event) -> Iterator[None]:
    """The first SIGTERM or SIGINT sets ``stop_wanted``; the second one has its default effect."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def on_signal(number: signal.Signals) -> None:
        if stop_wanted.is_set():  # it came before the first one was looked at, and is the second one still
            signal.raise_signal(number)
        logger.info("%s: stopping; once more ends the process at once", number.name)
        stop_wanted.set()
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_DFL)

    for number in _SIGNALS:
        # Where the loop cannot (Windows, another thread), Python's own SIGINT stays: KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])
