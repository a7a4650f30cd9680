"""A started client belongs to the event loop it was started on.

Owns: ``check_own_loop``: what a call from anywhere else is told.
Must not know: what a client does.
"""

from __future__ import annotations

import asyncio

from streamz_core.client.errors import IllegalStateError


def check_own_loop(own: asyncio.AbstractEventLoop, client: object) -> None:
    """Raise ``IllegalStateError`` where another event loop than ``own`` is running.

    Its futures, timers and tasks are of ``own``: called from elsewhere it would wait for what nobody does. Where no
    loop is running at all the call is let through: ``consumer.seek`` between two ``loop.run_until_complete``.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is own:
        return
    name = type(client).__name__
    if own.is_closed():
        raise IllegalStateError(
            f"{name} was started on an event loop that is closed (each asyncio.run() has its own): start, use and stop "
            "it within one asyncio.run(), or use streamz_core.blocking"
        )
    raise IllegalStateError(
        f"{name} was started on another event loop; call it from there (asyncio.run_coroutine_threadsafe), "
        "or use streamz_core.blocking"
    )
