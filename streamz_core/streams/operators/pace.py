"""``Pace``: at most so many rows in any span of time.

Owns: how many may pass now, and how long until more may.
Must not know: rows.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamz_core.clock import Clock


class Pace:
    """Counts what passed lately."""

    def __init__(self, clock: Clock, records: int, per_ms: int) -> None:
        """``records`` in any ``per_ms`` milliseconds."""
        self._clock = clock
        self._records = records
        self._per_ms = per_ms
        self._passed: deque[tuple[float, int]] = deque()
        self._count = 0

    def passed(self, records: int) -> None:
        """So many pass now."""
        if records:
            self._passed.append((self._clock.monotonic_ms(), records))
            self._count += records

    def free(self) -> int:
        """How many may pass now."""
        now_ms = self._clock.monotonic_ms()
        while self._passed and self._passed[0][0] + self._per_ms <= now_ms:
            self._count -= self._passed.popleft()[1]
        return max(0, self._records - self._count)

    def wait_ms(self, records: int) -> float:
        """How long until ``records``, which are not more than may ever pass at once, may pass."""
        excess = records - self.free()
        for at_ms, count in self._passed:
            if excess <= 0:
                break
            excess -= count
            if excess <= 0:
                return at_ms + self._per_ms - self._clock.monotonic_ms()
        return 0
