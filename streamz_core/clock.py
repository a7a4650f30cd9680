"""The only module that reads time.

Owns: ``Clock``, the one thing every other layer asks for the time and for being called back later,
and ``SystemClock``, its real implementation. The manual clock of tests is
``streamz_core.testing.ManualClock``.
Must not know: who asks, or why.

``protocol`` and ``log`` do not even take a clock: they are handed ``now_ms`` values.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Cancellable(Protocol):
    """A pending call that can be called off."""

    def cancel(self) -> None:
        """Call it off; calling off what already ran does nothing."""


class Clock(Protocol):
    """Time, and being woken by it."""

    def now_ms(self) -> int:
        """Wall-clock milliseconds since the Unix epoch: for timestamps that people and records see."""

    def monotonic_ms(self) -> float:
        """Milliseconds that never go back: for timeouts, sessions, intervals and measurements."""

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Cancellable:
        """Run ``callback`` on the current event loop once ``delay_ms`` have passed."""


class SystemClock:
    """The machine's clocks and the running event loop's timers."""

    def now_ms(self) -> int:
        """Wall-clock milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        """Milliseconds of the monotonic clock."""
        return time.monotonic() * 1000.0

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Cancellable:
        """Schedule on the running event loop."""
        return asyncio.get_running_loop().call_later(delay_ms / 1000.0, callback)
