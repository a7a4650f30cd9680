"""What windows come to, recomputed from all rows at once: slow, and plain to see.

Owns: a function for each kind of window.
Must not know: operators, stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from streamz_core.streams.operators.windows import hopping_starts

Row = tuple[str, int, int]
"""Key, value, timestamp."""
Table = dict[tuple[str, int, int], Any]
"""Values by key, start and end."""


def on_time(given_rows: Iterable[Row]) -> Iterator[tuple[Row, int]]:
    """Rows with stream time."""
    stream_time = -1
    for row in given_rows:
        stream_time = max(stream_time, row[2])
        yield row, stream_time


def time_windows_of(given_rows: Iterable[Row], size_ms: int, advance_ms: int, grace_ms: int) -> Table:
    """Sums of windows of one size, that begin every so often; rows that come too late are left out."""
    found: Table = {}
    for (key, value, time), stream_time in on_time(given_rows):
        for start in hopping_starts(time, size_ms, advance_ms):
            if start + size_ms + grace_ms > stream_time:
                place = (key, start, start + size_ms)
                found[place] = found.get(place, 0) + value
    return found


def sessions_of(given_rows: list[Row], gap_ms: int, grace_ms: int) -> Table:
    """Sums of sessions that a gap ends; rows of a session that is over are left out."""
    found: Table = {}
    for (key, value, time), stream_time in on_time(given_rows):
        near = [
            (start, end)
            for name, start, end in found
            if name == key
            and start - gap_ms <= time <= end + gap_ms
            and end >= stream_time - gap_ms - grace_ms
        ]
        start, end = min([time, *(s for s, _ in near)]), max([time, *(e for _, e in near)])
        if end < stream_time - gap_ms - grace_ms:
            continue
        total = value + sum(found.pop((key, *times)) for times in near)
        found[key, start, end] = total
    return found


def sliding_of(given_rows: list[Row], difference_ms: int) -> Table:
    """Every window that ends at a row's time, or begins right behind a row's and is not empty."""
    found: Table = {}
    for key in {row[0] for row in given_rows}:
        times = [(time, value) for name, value, time in given_rows if name == key]
        for time, _ in times:
            for start in (time - difference_ms, time + 1):
                inside = [value for other, value in times if start <= other <= start + difference_ms]
                if inside:
                    found[key, start, start + difference_ms] = sum(inside)
    return found
