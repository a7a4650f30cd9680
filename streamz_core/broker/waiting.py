"""Waiting for partitions to have more to read.

Owns: ``Waits``, who waits for which partition, and ``Watch``, one request's wait: it is woken by the
partitions it watches and by nothing else, so that a thousand idle readers cost an append nothing.
Must not know: what is read, or what a reader counts as enough.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from streamz_core.clock import Clock
    from streamz_core.log.partition_log import PartitionLog

_NOTHING: Final[frozenset[PartitionLog]] = frozenset()


class Watch:
    """One request's wait over several partitions; a context manager that leaves nothing behind.

    What is notified between two calls of ``changed`` is not lost.
    """

    __slots__ = ("_changed", "_ended", "_logs", "_waits", "_wake")

    def __init__(self, waits: Waits, logs: Iterable[PartitionLog]) -> None:
        self._waits = waits
        self._logs = tuple(dict.fromkeys(logs))
        self._changed: set[PartitionLog] = set()
        self._wake: asyncio.Future[None] | None = None
        self._ended = False

    def __enter__(self) -> Watch:
        for log in self._logs:
            self._waits.add(log, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for log in self._logs:
            self._waits.discard(log, self)

    async def changed(self, clock: Clock, until_ms: float) -> frozenset[PartitionLog]:
        """The partitions notified since the last call; waits for one.

        Empty once ``clock.monotonic_ms()`` has reached ``until_ms``, or the broker stops serving.
        """
        if not self._changed and not self._ended:
            remaining_ms = until_ms - clock.monotonic_ms()
            if remaining_ms <= 0:
                return _NOTHING
            self._wake = asyncio.get_running_loop().create_future()
            timer = clock.call_later(remaining_ms, self._wake_up)
            try:
                await self._wake
            finally:
                timer.cancel()
                self._wake = None
        changed = frozenset(self._changed)
        self._changed.clear()
        return changed

    def notify(self, log: PartitionLog) -> None:
        """``log`` may have more to read."""
        self._changed.add(log)
        self._wake_up()

    def end(self) -> None:
        """Wait no more, now or later."""
        self._ended = True
        self._wake_up()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Waits:
    """Which watches wait for which partition."""

    def __init__(self) -> None:
        # Dicts, not sets: watches are woken in the order they came, run after run.
        self._by_log: dict[PartitionLog, dict[Watch, None]] = {}
        self._ended = False

    def __len__(self) -> int:
        """How many partitions are waited for."""
        return len(self._by_log)

    def watch(self, logs: Iterable[PartitionLog]) -> Watch:
        """A watch over ``logs``, to be entered; enter it before the last look at what there is."""
        watch = Watch(self, logs)
        if self._ended:
            watch.end()
        return watch

    def notify(self, log: PartitionLog) -> None:
        """Wake who waits for ``log``."""
        watches = self._by_log.get(log)
        if watches:
            for watch in watches:
                watch.notify(log)

    def end(self) -> None:
        """Wake everybody for good: the broker stops serving."""
        self._ended = True
        for watches in self._by_log.values():
            for watch in watches:
                watch.end()

    def add(self, log: PartitionLog, watch: Watch) -> None:
        """``watch`` waits for ``log``."""
        self._by_log.setdefault(log, {})[watch] = None

    def discard(self, log: PartitionLog, watch: Watch) -> None:
        """``watch`` no longer waits for ``log``."""
        watches = self._by_log.get(log)
        if watches is None:
            return
        watches.pop(watch, None)
        if not watches:
            del self._by_log[log]
