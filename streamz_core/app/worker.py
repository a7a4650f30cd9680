"""Running an app as a process.

Owns: what ends the process: a signal, or a failure.
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
from streamz_core.aio.interruption import first_signal
from streamz_core.app.owner_watch import OwnerGone
from streamz_core.app.worker_processes import minded

if TYPE_CHECKING:
    from streamz_core.app.services import Startable

logger: Final = logging.getLogger(__name__)


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

    def stop(number: signal.Signals) -> None:
        logger.info("%s: stopping; once more ends the process at once", number.name)
        stop_wanted.set()

    with first_signal(stop):
        yield
