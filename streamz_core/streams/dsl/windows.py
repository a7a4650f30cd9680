"""Windows by time, under Kafka Streams' names.

Owns: ``TimeWindows``, ``UnlimitedWindows``, ``SlidingWindows``, ``SessionWindows``: sizes, advances, gaps and graces,
and their checks; what a class of one's own needs to be windows (``Windows``).
Must not know: stores, records, when windows close.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol, Self

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.operators.windows import check, hopping_starts

FOREVER_MS: Final = (1 << 63) - 1
"""The end of a window that never ends."""


class Windows(Protocol):
    """What windows are: any class with these can be handed to ``windowed_by``.

    A window takes the timestamps for which ``starts`` names it; of two windows, the one that starts later must
    not end earlier. A ``grace_ms`` says how long after its end a window still takes records; without, 0.
    """

    def starts(self, timestamp: int) -> list[int]:
        """The starts of the windows that ``timestamp`` is in, oldest first; all in milliseconds."""

    def end(self, start: int) -> int:
        """When the window that begins at ``start`` ends; the end itself is not in it."""


@dataclass(frozen=True, slots=True)
class TimeWindows:
    """Tumbling windows, or hopping ones by ``advance_by``; aligned to the epoch.

    >>> TimeWindows.of_size_with_no_grace(10_000).starts(12_345)
    [10000]
    """

    size_ms: int
    advance_ms: int
    grace_ms: int = 0

    @classmethod
    def of_size_with_no_grace(cls, size: Duration) -> Self:
        """Windows that close with their end."""
        return cls.of_size_and_grace(size, 0)

    @classmethod
    def of_size_and_grace(cls, size: Duration, after_window_end: Duration) -> Self:
        """Windows that take records until ``after_window_end`` has passed behind their end."""
        size_ms = milliseconds(size, "a window's size", at_least=1)
        return cls(size_ms, size_ms, milliseconds(after_window_end, "a window's grace"))

    def advance_by(self, advance: Duration) -> Self:
        """A window every ``advance``, at most the size."""
        advance_ms = milliseconds(advance, "a window's advance", at_least=1)
        check(self.size_ms, advance_ms, self.grace_ms)
        return replace(self, advance_ms=advance_ms)

    def starts(self, timestamp: int) -> list[int]:
        """The starts of the windows that ``timestamp`` is in, oldest first."""
        return list(hopping_starts(timestamp, self.size_ms, self.advance_ms))

    def end(self, start: int) -> int:
        """The end of the window that begins at ``start``."""
        return start + self.size_ms


@dataclass(frozen=True, slots=True)
class UnlimitedWindows:
    """One window, from a start (the epoch unless given) and without end; what is before it is passed over.

    >>> UnlimitedWindows.of().start_on(1_000).starts(12_345)
    [1000]
    """

    start_ms: int = 0

    @classmethod
    def of(cls) -> Self:
        """From the epoch on."""
        return cls()

    def start_on(self, start: datetime | int) -> Self:
        """The same from this time on: a datetime with time zone, or milliseconds since the epoch."""
        if isinstance(start, datetime):
            if start.tzinfo is None:
                raise Misuse(f"start_on({start!r}): a time without time zone is no point in time")
            start = round(start.timestamp() * 1000)
        if start < 0:
            raise Misuse(f"start_on({start}): a window cannot begin before the epoch")
        return replace(self, start_ms=start)

    def starts(self, timestamp: int) -> list[int]:
        """The start, unless ``timestamp`` is before it."""
        return [self.start_ms] if timestamp >= self.start_ms else []

    def end(self, start: int) -> int:
        """Never: the last time that there is."""
        return FOREVER_MS


@dataclass(frozen=True, slots=True)
class SlidingWindows:
    """A window for every set of records that are at most ``time_difference_ms`` apart; both ends are in it."""

    time_difference_ms: int
    grace_ms: int = 0

    @classmethod
    def of_time_difference_with_no_grace(cls, time_difference: Duration) -> Self:
        """Windows that close with their end."""
        return cls.of_time_difference_and_grace(time_difference, 0)

    @classmethod
    def of_time_difference_and_grace(cls, time_difference: Duration, after_window_end: Duration) -> Self:
        """Windows that take records until ``after_window_end`` has passed behind their end."""
        return cls(
            milliseconds(time_difference, "a sliding window's time difference"),
            milliseconds(after_window_end, "a window's grace"),
        )


@dataclass(frozen=True, slots=True)
class SessionWindows:
    """Sessions: records of a key with no pause between them longer than ``inactivity_gap_ms``."""

    inactivity_gap_ms: int
    grace_ms: int = 0

    @classmethod
    def of_inactivity_gap_with_no_grace(cls, inactivity_gap: Duration) -> Self:
        """Sessions that close with the first pause that is long enough."""
        return cls.of_inactivity_gap_and_grace(inactivity_gap, 0)

    @classmethod
    def of_inactivity_gap_and_grace(cls, inactivity_gap: Duration, after_window_end: Duration) -> Self:
        """Sessions that take records until ``after_window_end`` has passed behind the pause that ends them."""
        return cls(
            milliseconds(inactivity_gap, "a session's inactivity gap", at_least=1),
            milliseconds(after_window_end, "a window's grace"),
        )
