"""``Alarm``: wakes a task when the first of its timers is due.

Owns: the one call of the clock that is outstanding.
Must not know: whose timers they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.clock import Cancellable, Clock


class Alarm:
    """Rings once, at the earliest time it was set to."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        """``ring`` is called when it is time; ``take`` tells of it then."""
        self._clock = clock
        self._ring = ring
        self._at_ms: int | None = None
        self._call: Cancellable | None = None
        self._has_rung = False

    def set(self, at_ms: int) -> None:
        """Ring at this time of the wall clock, or before, if it is set to an earlier one already."""
        if self._at_ms is not None and self._at_ms <= at_ms:
            return
        self.cancel()
        self._at_ms = at_ms
        self._call = self._clock.call_later(max(0, at_ms - self._clock.now_ms()), self._due)

    def take(self) -> bool:
        """Whether it has rung since the last time this was asked."""
        has_rung, self._has_rung = self._has_rung, False
        return has_rung

    def cancel(self) -> None:
        """Do not ring."""
        if self._call is not None:
            self._call.cancel()
        self._call = self._at_ms = None

    def _due(self) -> None:
        self._call = self._at_ms = None
        self._has_rung = True
        self._ring()
