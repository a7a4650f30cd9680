"""A clock that moves only when a test says so.

Owns: ``ManualClock``: the same interface as the real clock, with timers that fire in order and at
their exact time while the test advances it.
Must not know: what is tested.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamz_core.clock import Cancellable

T = TypeVar("T")

_TURNS_MAX: Final = 100_000
"""Turns of the event loop that ``settle`` grants before it calls the program a busy loop."""
_TURNS_BLIND: Final = 100
"""Turns granted on an event loop that does not show its queue."""


class _Timer:
    __slots__ = ("at_ms", "callback", "order")

    def __init__(self, at_ms: float, order: int, callback: Callable[[], None]) -> None:
        self.at_ms = at_ms
        self.order = order
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: _Timer) -> bool:
        return (self.at_ms, self.order) < (other.at_ms, other.order)


class ManualClock:
    """Time under a test's control; implements ``streamz_core.clock.Clock``.

    Example::

        clock = ManualClock()
        sleeper = asyncio.create_task(sleep(clock, 1_000))
        await clock.advance(1_000)
        assert sleeper.done()
    """

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        """``now_ms`` is the wall clock's start; the monotonic clock starts at zero."""
        self._elapsed_ms = 0.0
        self._wall_at_zero_ms = now_ms
        self._timers: list[_Timer] = []
        self._order = itertools.count()
        self._settling = 0

    def now_ms(self) -> int:
        """Wall-clock milliseconds since the Unix epoch."""
        return self._wall_at_zero_ms + int(self._elapsed_ms)

    def monotonic_ms(self) -> float:
        """Milliseconds advanced so far."""
        return self._elapsed_ms

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Cancellable:
        """Run ``callback`` when the clock has advanced by ``delay_ms``; soon where that is not above 0."""
        if delay_ms <= 0:
            return asyncio.get_running_loop().call_soon(callback)
        timer = _Timer(self._elapsed_ms + delay_ms, next(self._order), callback)
        heapq.heappush(self._timers, timer)
        return timer

    @property
    def next_timer_ms(self) -> float | None:
        """Milliseconds until the next pending timer, None where there is none."""
        self._drop_cancelled()
        return self._timers[0].at_ms - self._elapsed_ms if self._timers else None

    def jump_wall(self, by_ms: int) -> None:
        """Move the wall clock alone, as an operator or a time server would; timers do not notice."""
        self._wall_at_zero_ms += by_ms

    async def settle(self) -> None:
        """Let every task run until all of them wait for something.

        Raises ``RuntimeError`` when tasks keep waking each other for ever. Work in other threads is
        not waited for: tests that need this run on in-memory files, which have none.
        """
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        self._settling += 1
        try:
            for turn in range(_TURNS_MAX):
                await asyncio.sleep(0)
                # What was ready in this turn has run before us or stands in the queue still; so do
                # the others who wait for quiet like us, and they must not wait for each other.
                if len(ready) < self._settling if ready is not None else turn >= _TURNS_BLIND:
                    return
        finally:
            self._settling -= 1
        raise RuntimeError(
            f"still busy after {_TURNS_MAX} turns of the loop: some task spins without waiting"
        )

    async def advance(self, by_ms: float) -> None:
        """Move time on; due timers fire in order, each at its own time, and tasks settle in between."""
        if by_ms < 0:
            raise ValueError(f"time does not go back: advance({by_ms}); use jump_wall for the wall clock")
        target_ms = self._elapsed_ms + by_ms
        await self.settle()
        while True:
            self._drop_cancelled()
            if not self._timers or self._timers[0].at_ms > target_ms:
                break
            await self._fire_next()
        self._elapsed_ms = max(self._elapsed_ms, target_ms)

    async def drive(self, awaitable: Awaitable[T], *, limit_ms: float = 3_600_000) -> T:
        """Return the result of ``awaitable``, advancing from timer to timer as long as it needs.

        Raises ``TimeoutError`` when it needs more than ``limit_ms``, or waits for something that no
        timer will bring.
        """
        work = asyncio.ensure_future(awaitable)
        end_ms = self._elapsed_ms + limit_ms
        try:
            await self.settle()
            while not work.done():
                self._drop_cancelled()
                if not self._timers or self._timers[0].at_ms > end_ms:
                    lacks = f"more than {limit_ms:g} ms" if self._timers else "something that no timer brings"
                    raise TimeoutError(f"{work!r} waits for {lacks}")
                await self._fire_next()
        finally:
            if not work.done():
                work.cancel()
                await self.settle()
        return work.result()

    async def _fire_next(self) -> None:
        timer = heapq.heappop(self._timers)
        self._elapsed_ms = max(self._elapsed_ms, timer.at_ms)
        if timer.callback is not None:
            timer.callback()
            await self.settle()

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
