"""Whether a count goes on rising.

Owns: ``Progress``.
Must not know: what is counted, what time it is (it is told).
"""

from __future__ import annotations


class Progress:
    """Tells a peer that stands still from one that is slow.

    >>> reading = Progress()
    >>> reading.stands_still(100, now_ms=0, within_ms=10, at_least=50)
    False
    >>> reading.stands_still(149, now_ms=10, within_ms=10, at_least=50)
    True
    """

    __slots__ = ("_count", "_since_ms")

    def __init__(self) -> None:
        self._count = -1
        self._since_ms = 0.0

    def stands_still(self, count: int, *, now_ms: float, within_ms: float, at_least: int) -> bool:
        """Whether ``count`` has risen by less than ``at_least`` in the last ``within_ms``."""
        if self._count < 0 or count >= self._count + at_least:
            self._count = count
            self._since_ms = now_ms
            return False
        return now_ms - self._since_ms >= within_ms

    def reset(self) -> None:
        """There is nothing to wait for."""
        self._count = -1
