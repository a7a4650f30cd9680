"""Windows by time, under Kafka Streams' names.

Owns: ``TimeWindows``: sizes, advances and graces, and their checks.
Must not know: stores, records, when windows close.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.operators.windows import check, hopping_starts


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

    def retention_ms(self, retention: Duration | None) -> int:
        """How long after their end windows are kept, where a store keeps them ``retention`` from their start."""
        if retention is None:
            return self.grace_ms
        kept_ms = milliseconds(retention, "retention")
        if kept_ms < self.size_ms + self.grace_ms:
            raise Misuse(
                f"the retention of {kept_ms} ms is shorter than a window's size and grace, "
                f"{self.size_ms + self.grace_ms} ms"
            )
        return kept_ms - self.size_ms
