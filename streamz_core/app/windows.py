"""Windows as values: which windows a timestamp falls into, and when they close.

Owns: ``TumblingWindow`` and ``HoppingWindow`` (Faust's names and ranges) and the close policies.
Must not know: stores, tables.

A window takes records until stream time reaches its end plus ``grace``; then it is closed, its final
contents are handed to ``on_window_close`` once, and what comes later is late. Its contents can be
read until ``expires`` after its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamz_core.app.durations import Seconds, milliseconds
from streamz_core.app.errors import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class AfterIdle:
    """Close what is open once a task's input has been idle for so many milliseconds of wall-clock time."""

    idle_ms: int


def after_idle(seconds: Seconds) -> AfterIdle:
    """Also close every open window of a partition when its input has been idle for ``seconds``.

    Windows still close by event time as records come; this is for the last ones, which nothing follows.
    A record that comes later for a window closed so is late.
    """
    return AfterIdle(milliseconds(seconds, "after_idle"))


@dataclass(frozen=True, slots=True)
class PerKey:
    """Close each key's windows by the key's own time."""

    behind_max_ms: int | None
    idle_ms: int | None


def per_key(*, behind_max: Seconds | None = None, after_idle: Seconds | None = None) -> PerKey:
    """Close a key's windows by what is written to that key: one that runs ahead makes no other's records late.

    A key's last windows stay open until its next record; unless it is further behind the latest write of its
    partition than ``behind_max`` seconds, or the partition's input has been idle for ``after_idle`` seconds. Without
    ``behind_max`` the time of every key is kept for ever.
    """
    return PerKey(
        None if behind_max is None else milliseconds(behind_max, "per_key behind_max"),
        None if after_idle is None else milliseconds(after_idle, "per_key after_idle"),
    )


TIME_AHEAD_MAX_MS: Final = 7 * 86_400_000
"""Times further ahead of the clock are not believed (milliseconds given as seconds, mostly): they go into
their windows, and close no others."""

EVENT_TIME: Final = "event_time"
"""Windows close by the timestamps of records alone."""


class HoppingWindow:
    """Windows of ``size`` that start every ``step``; seconds or timedeltas.

    ``grace`` defaults to ``expires`` (Faust's rule: a window takes records until it expires), and without
    both to one ``size``.
    """

    __slots__ = ("close", "grace_ms", "retention_ms", "size_ms", "step_ms")

    def __init__(
        self,
        size: Seconds,
        step: Seconds,
        expires: Seconds | None = None,
        *,
        grace: Seconds | None = None,
        close: str | AfterIdle | PerKey = EVENT_TIME,
    ) -> None:
        """Raises ``ImproperlyConfigured`` for windows that cannot be."""
        self.size_ms: Final = milliseconds(size, "window size")
        self.step_ms: Final = milliseconds(step, "window step")
        if not 0 < self.step_ms <= self.size_ms:
            raise ImproperlyConfigured(
                f"window size {size!r} and step {step!r}: both must be above 0, and the step at most the size"
            )
        expires_ms = None if expires is None else milliseconds(expires, "window expires")
        default_ms = self.size_ms if expires_ms is None else expires_ms
        self.grace_ms: Final = default_ms if grace is None else milliseconds(grace, "window grace")
        self.retention_ms: Final = self.grace_ms if expires_ms is None else expires_ms
        if self.retention_ms < self.grace_ms:
            raise ImproperlyConfigured(
                f"window expires {expires!r} after its end, before its grace of {grace!r} is over; make "
                f"expires at least the grace"
            )
        if close != EVENT_TIME and not isinstance(close, AfterIdle | PerKey):
            raise ImproperlyConfigured(
                f"window close={close!r}: expected 'event_time', after_idle(seconds) or per_key(…)"
            )
        self.close: Final = close

    def starts_ms(self, timestamp_ms: int) -> list[int]:
        """The starts of the windows that hold a timestamp, oldest first."""
        last = timestamp_ms - timestamp_ms % self.step_ms
        first = last - (self.size_ms - 1 - timestamp_ms % self.step_ms) // self.step_ms * self.step_ms
        return list(range(first, last + 1, self.step_ms))

    def ranges(self, timestamp: float) -> list[tuple[float, float]]:
        """The windows, start and end (exclusive) in seconds, that hold a timestamp in seconds."""
        return [self.range_of(start) for start in self.starts_ms(round(timestamp * 1000))]

    def current(self, timestamp: float) -> tuple[float, float]:
        """The latest window that holds a timestamp."""
        return self.ranges(timestamp)[-1]

    def delta(self, timestamp: float, d: Seconds) -> tuple[float, float]:
        """The latest window that holds the time ``d`` before ``timestamp``."""
        return self.current(timestamp - milliseconds(d, "window delta") / 1000)

    def stale(self, timestamp: float, latest_timestamp: float) -> bool:
        """Whether a window that ends at ``timestamp`` is gone once stream time is ``latest_timestamp``."""
        return timestamp * 1000 + self.retention_ms <= latest_timestamp * 1000

    def range_of(self, start_ms: int) -> tuple[float, float]:
        """Start and end (exclusive) of a window, in seconds."""
        return start_ms / 1000, (start_ms + self.size_ms) / 1000


class TumblingWindow(HoppingWindow):
    """Windows of ``size`` one after the other."""

    __slots__ = ()

    def __init__(
        self,
        size: Seconds,
        expires: Seconds | None = None,
        *,
        grace: Seconds | None = None,
        close: str | AfterIdle | PerKey = EVENT_TIME,
    ) -> None:
        """A hopping window whose step is its size."""
        super().__init__(size, size, expires, grace=grace, close=close)
