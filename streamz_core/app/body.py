"""``Body``: the code inside ``async with app``.

Owns: ending it when the app fails, as ``asyncio.TaskGroup`` ends its body: an app that works on nothing
must not look alive to the program around it.
Must not know: what an app is, why it fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Body:
    """The asyncio task that entered, from here to ``end``."""

    def __init__(self, failed: Coroutine[Any, Any, BaseException]) -> None:
        """Cancel the running task once ``failed`` has a reason."""
        self._task = asyncio.current_task()
        self._is_cancelled = False
        self._failed = asyncio.ensure_future(failed)
        self._failed.add_done_callback(self._cancel)

    def leave_alone(self) -> None:
        """The body wants to see the failure itself: watch no longer."""
        self._failed.remove_done_callback(self._cancel)
        self._failed.cancel()

    def end(self, error: BaseException | None) -> BaseException | None:
        """Watch no longer; the failure to raise, unless the body ended by an ``error`` of its own."""
        self._failed.remove_done_callback(self._cancel)
        is_known = self._failed.done() and not self._failed.cancelled()
        failure = self._failed.result() if is_known else None
        self._failed.cancel()
        if not self._is_cancelled or self._task is None:
            return failure if error is None else None
        wanted_by_others = self._task.uncancel() > 0
        return None if wanted_by_others or not _is_end(error) else failure

    def _cancel(self, failed: asyncio.Future[BaseException]) -> None:
        if self._task is not None and not failed.cancelled() and not self._task.done():
            self._is_cancelled = True
            self._task.cancel()


def _is_end(error: BaseException | None) -> bool:
    return error is None or isinstance(error, asyncio.CancelledError)
