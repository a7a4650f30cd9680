"""``OwnLoop``: blocking calls over asynchronous work, from inside of a running event loop too.

Owns: an event loop, and a thread to run it on where the caller's thread has one running.
Must not know: what is run.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class OwnLoop:
    """A loop that runs only as long as a call does."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(1, "own-loop")

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be run any more."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._loop.run_until_complete(work)
        return self._threads.submit(self._loop.run_until_complete, work).result()

    def close(self) -> None:
        """Let go of loop and thread; again does nothing."""
        self._loop.close()
        self._threads.shutdown()
