"""A limit for the bytes of all partitions together.

Owns: which segments go where all partitions together hold more than ``log.retention.total.bytes``.
Must not know: how segments are removed, and when it is asked.

The segments that were appended to longest ago go first, whatever partition they are in. Those of topics without
``cleanup.policy=delete`` are counted and never go, nor does a segment that still takes appends.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.log.segment import SegmentSummary

NameT = TypeVar("NameT")


def segments_beyond(
    sealed: Mapping[NameT, Sequence[SegmentSummary]], total_bytes: int, budget_bytes: int
) -> dict[NameT, int]:
    """How many of the oldest segments of each partition go, so that ``total_bytes`` comes within the budget.

    ``sealed`` has the sealed segments, oldest first, of the partitions that may lose some.
    """
    counts: dict[NameT, int] = {}
    names = list(sealed)
    oldest = [(sealed[name][0].appended_ms, place) for place, name in enumerate(names) if sealed[name]]
    heapq.heapify(oldest)
    while oldest and total_bytes > budget_bytes:
        _, place = heapq.heappop(oldest)
        name = names[place]
        number = counts.get(name, 0)
        counts[name] = number + 1
        total_bytes -= sealed[name][number].size_bytes
        if number + 1 < len(sealed[name]):
            heapq.heappush(oldest, (sealed[name][number + 1].appended_ms, place))
    return counts
