"""``JoinWindows``: how close to each other records of two streams must be, under Kafka Streams' names.

Owns: the differences in time and the grace, and their checks.
Must not know: how records are joined and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds, signed_milliseconds


@dataclass(frozen=True, slots=True)
class JoinWindows:
    """The right record's time is from ``before_ms`` earlier than the left one's to ``after_ms`` later.

    >>> JoinWindows.of_time_difference_with_no_grace(timedelta(minutes=10)).before(0)
    JoinWindows(before_ms=0, after_ms=600000, grace_ms=0)
    """

    before_ms: int
    after_ms: int
    grace_ms: int = 0

    @classmethod
    def of_time_difference_with_no_grace(cls, time_difference: Duration) -> Self:
        """At most ``time_difference`` between the two; a row without partner waits just as long."""
        return cls.of_time_difference_and_grace(time_difference, 0)

    @classmethod
    def of_time_difference_and_grace(cls, time_difference: Duration, after_window_end: Duration) -> Self:
        """The same, for records that may come ``after_window_end`` out of order."""
        difference_ms = milliseconds(time_difference, "a join's time difference")
        return cls(difference_ms, difference_ms, milliseconds(after_window_end, "a join's grace"))

    def before(self, time_difference: Duration) -> Self:
        """The same, with the right record at most so much earlier; below zero: at least so much later."""
        return self._checked(
            replace(self, before_ms=signed_milliseconds(time_difference, "a join's time difference"))
        )

    def after(self, time_difference: Duration) -> Self:
        """The same, with the right record at most so much later; below zero: at least so much earlier."""
        return self._checked(
            replace(self, after_ms=signed_milliseconds(time_difference, "a join's time difference"))
        )

    @property
    def size_ms(self) -> int:
        """From the earliest to the latest time of a partner."""
        return self.before_ms + self.after_ms

    @property
    def retention_ms(self) -> int:
        """How far stream time may pass a row before no partner can come any more."""
        return self.size_ms + self.grace_ms

    def _checked(self, windows: Self) -> Self:
        if windows.size_ms < 0:
            raise Misuse(
                f"a join's window from {-windows.before_ms} ms to {windows.after_ms} ms around a record is "
                "none: before() and after() together must not be below 0"
            )
        return windows
