"""``Due``: which spans have ended, where an end may still move.

Owns: finding what ended before a time, without looking at the rest.
Must not know: stores, what a span is of.

A span is filed once, by the end it has, in a bucket of time. Its end may grow later: nobody tells. When its
bucket comes due it is looked at, and filed again if it has not ended: the cost is one look per bucket that a
span outlives, not one per change.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any


class Span:
    """A value of a key from ``start`` to ``end``, as one store keeps it."""

    def __init__(self, key: Any, start: int, end: int, value: Any) -> None:
        """New, and changed: not yet in the store."""
        self.key = key
        self.start = start
        self.end = end
        self.value = value
        self.is_gone = False
        """Whether it was removed; who still holds it must let go of it."""
        self.is_dirty = False
        """Changed since the last commit."""
        self.is_stored = False
        """Whether the store, or the commit under way, has it at these times."""


class Due:
    """Spans by their ends."""

    def __init__(self, width_ms: int) -> None:
        """``width_ms``: how much time one bucket holds."""
        self._width_ms = max(1, width_ms)
        self._buckets: dict[int, list[Span]] = {}
        self._order: list[int] = []

    def file(self, span: Span) -> None:
        """Have ``span`` found when its end has come; to be called once."""
        number = span.end // self._width_ms
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = []
            heappush(self._order, number)
        bucket.append(span)

    def ended(self, before_ms: int) -> list[Span]:
        """Take out the spans whose ``end`` is before this time and that are not gone, in no order."""
        found: list[Span] = []
        open_yet: list[Span] = []
        while self._order and self._order[0] * self._width_ms < before_ms:
            for span in self._buckets.pop(heappop(self._order)):
                if span.is_gone:
                    continue
                if span.end < before_ms:
                    found.append(span)
                else:
                    open_yet.append(span)
        for span in open_yet:
            self.file(span)
        return found
