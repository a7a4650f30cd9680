"""The event loop behind the blocking clients.

Owns: one loop in one thread of its own, for all blocking clients of a process, from the first one to the end of
the process: what is in ``memory://`` lives as long as the loop that made it.
Must not know: clients.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from streamz_core.client.errors import IllegalStateError

if TYPE_CHECKING:
    from collections.abc import Coroutine

R = TypeVar("R")


class LoopThread:
    """An event loop that runs in a thread which does not keep the process from ending."""

    _of_process: ClassVar[LoopThread | None] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="blocking clients", daemon=True)
        self._thread.start()

    @classmethod
    def of_process(cls) -> LoopThread:
        """The one of this process; a fork begins its own."""
        with cls._lock:
            known = cls._of_process
            if known is None or known.pid != os.getpid():
                known = cls._of_process = LoopThread()
            return known

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """What ``work`` returns or raises. Who is interrupted while waiting calls it off.

        Raises ``IllegalStateError`` on the loop's own thread, where waiting would have no end.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise IllegalStateError(
                "a blocking call from a rebalance listener, serializer, partitioner or callback: these run on the "
                "client's own thread, which would wait for itself; do it in the program's thread"
            )
        outcome = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return outcome.result()
        except BaseException:
            outcome.cancel()
            raise
