"""``StoreTime``: the highest time a store was told of, which decides what in it has ended.

Owns: that time, as of now and as of the last commit, and not believing times of the far future.
Must not know: stores, what ends.

It is part of the store's contents, so that after a restart the same entries have ended as before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN: Final = -1


class StoreTime:
    """A time that only goes forward, and back with its store."""

    def __init__(self, latest_ms: Callable[[], int] | None = None) -> None:
        """``latest_ms()`` is the latest time that is believed: a record's of the year 9999 must not end all."""
        self._latest_ms = latest_ms
        self._collected = UNKNOWN
        self.now_ms = UNKNOWN

    def load(self, stored_ms: int | None) -> None:
        """Go on from what was stored; None: nothing."""
        self.now_ms = self._collected = UNKNOWN if stored_ms is None else stored_ms

    def observe(self, time_ms: int) -> int:
        """A record of this time is at hand; the store's time, which is not before it if it is believed."""
        if time_ms > self.now_ms and (self._latest_ms is None or time_ms <= self._latest_ms()):
            self.now_ms = time_ms
        return self.now_ms

    @property
    def is_dirty(self) -> bool:
        """Whether the time is another one than was last collected."""
        return self.now_ms != self._collected

    def collect(self) -> int:
        """The time to store."""
        self._collected = self.now_ms
        return self.now_ms
