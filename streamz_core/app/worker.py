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
from streamz_core.app.worker_processes import minded
from streamz_core.client.errors import ConnectionLost

if TYPE_CHECKING:
    from streamz_core.app.services import Startable

logger: Final = logging.getLogger(__name__)


async def run(app: Startable, on_owner_gone: Callable[[bool], None] | None = None) -> None:
    """Run the app until a signal or a failure; raises the failure.

    The first signal stops it gracefully within its ``shutdown_timeout``; a second one ends the process
    at once, which costs no data: it goes on from its last commit.

    Where another process owned the log and is gone, there is nothing left to commit to: ``on_owner_gone`` is called
    at once, with whether a signal had come, and does not return (a process that begins anew is one that crashed).
    Without it ``ConnectionLost`` is a failure as any other.
    """
    stop_wanted = asyncio.Event()
    with signals(stop_wanted), minded(stop_wanted.set):
        failure = await _run(app, stop_wanted)
        if failure is None:
            return
        if on_owner_gone is not None and _is_without_log(failure):
            logger.warning("%s", failure)
            on_owner_gone(stop_wanted.is_set())
        raise failure


async def _run(app: Startable, stop_wanted: asyncio.Event) -> BaseException | None:
    """What ended the app, None where that was wanted; it is stopped then, unless its log is gone."""
    try:
        await app.start()
    except ConnectionLost as lost:
        return lost
    failed = asyncio.ensure_future(app.wait_failed())
    stopped = asyncio.ensure_future(stop_wanted.wait())
    try:
        await asyncio.wait((failed, stopped), return_when=asyncio.FIRST_COMPLETED)
        failure = failed.result() if failed.done() else None
        if failure is not None and _is_without_log(failure):
            return failure
        return await _stopped(app, failed) or failure
    finally:
        failed.cancel()
        stopped.cancel()


async def _stopped(app: Startable, failed: asyncio.Future[BaseException]) -> BaseException | None:
    """Stop the app; the failure where that cannot be finished because its log is not there any more."""
    stopping = asyncio.ensure_future(_stop(app))
    if not failed.done():
        await asyncio.wait((stopping, failed), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and _is_without_log(failure := failed.result()):
            stopping.cancel()
            return failure
    await stopping
    return None


def _is_without_log(failure: BaseException) -> bool:
    """Whether the process that owned the log is gone; whoever noticed first may have wrapped it."""
    found: BaseException | None = failure
    while found is not None and not isinstance(found, ConnectionLost):
        found = found.__cause__
    return found is not None


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
