"""How much a second, over the last windows of time.

Owns: ``Rate``: the windows, and how long to wait until they hold no more than is allowed.
Must not know: what is counted, what time it is (it is told).

Source: KIP-13; ``quota.window.num`` and ``quota.window.size.seconds`` with Kafka's defaults
"""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_MS: Final = 1_000
WINDOWS: Final = 11
"""Ten whole ones and the one that has begun."""


class _Window:
    """What was counted from one moment on."""

    __slots__ = ("amount", "began_ms", "counted_ms")

    def __init__(self, now_ms: float) -> None:
        self.began_ms = self.counted_ms = now_ms
        self.amount = 0.0


class Rate:
    """An amount a second. Ten seconds' worth may come at once: windows that were not yet count as empty ones.

    >>> rate = Rate()
    >>> rate.add(2_000, now_ms=0)
    >>> rate.wait_ms(100, now_ms=0), rate.wait_ms(200, now_ms=0)
    (10000.0, 0.0)
    """

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: deque[_Window] = deque()

    def add(self, amount: float, *, now_ms: float) -> None:
        """Count so much more."""
        if not self._windows or now_ms - self._windows[-1].began_ms >= WINDOW_MS:
            self._windows.append(_Window(now_ms))
            if len(self._windows) > WINDOWS + 1:
                self._windows.popleft()
        window = self._windows[-1]
        window.amount += amount
        window.counted_ms = now_ms

    def wait_ms(self, bound: float, *, now_ms: float) -> float:
        """How long nothing may be added for the rate to come down to ``bound``; 0 if it is not above."""
        self._forget(now_ms)
        span_ms = self._span_ms(now_ms)
        a_second = sum(window.amount for window in self._windows) * 1_000 / span_ms
        if a_second <= bound:
            return 0.0
        return (a_second - bound) / bound * span_ms if bound else float("inf")

    def is_idle(self, now_ms: float) -> bool:
        """Whether nothing that was counted matters any more."""
        self._forget(now_ms)
        return not self._windows

    def _forget(self, now_ms: float) -> None:
        while self._windows and now_ms - self._windows[0].counted_ms >= WINDOWS * WINDOW_MS:
            self._windows.popleft()

    def _span_ms(self, now_ms: float) -> float:
        """From the beginning of the first window until now, and what is lacking of ten whole ones."""
        elapsed_ms = now_ms - self._windows[0].began_ms if self._windows else 0.0
        lacking = WINDOWS - 1 - int(elapsed_ms / WINDOW_MS)
        return elapsed_ms + max(lacking, 0) * WINDOW_MS
