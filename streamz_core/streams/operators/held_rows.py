"""``HeldRows``: rows that wait for a time, kept in a store.

Owns: the order in which they go on, and their entries.
Must not know: what they wait for.

The order is: by time, then by the bytes of the key, then by arrival.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.timed_key import TIME_END

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.rows import Rows

MARK: Final = (TIME_END, None, 0)
"""The entry that holds the highest time and the next number; behind all rows."""
Held = tuple[int, Any, Any, Any]
"""Time, key, value and headers."""


class HeldRows:
    """The rows of one step and partition that wait."""

    def __init__(self, store: Any, encode_key: Callable[[Any], bytes | None]) -> None:
        """``store`` has ``(value, headers)`` by (time, key, number)."""
        self._store = store
        self._encode_key = encode_key
        mark = store.get(MARK)
        self.time_ms: int = -1 if mark is None else mark[1][0]
        """The highest time that was observed."""
        self._number: int = 0 if mark is None else mark[1][1]
        self._waiting = [
            (time, encode_key(key), number, key)
            for (time, key, number), _ in store.items()
            if time != TIME_END
        ]
        heapify(self._waiting)

    def observe(self, time_ms: int) -> int:
        """Tell of a row's time; returns the highest."""
        self.time_ms = max(self.time_ms, time_ms)
        return self.time_ms

    def put(self, rows: Rows, index: int) -> None:
        """Keep the row at ``index``."""
        time, key = rows.timestamps[index], rows.keys[index]
        headers = () if rows.headers is None else rows.headers[index]
        self._store.put((time, key, self._number), (rows.values[index], headers))
        heappush(self._waiting, (time, self._encode_key(key), self._number, key))
        self._number += 1

    def take_until(self, time_ms: int) -> Held | None:
        """The next row, which is kept no more, where it is not later than ``time_ms``."""
        if not self._waiting or self._waiting[0][0] > time_ms:
            return None
        time, _, number, key = heappop(self._waiting)
        value, headers = self._store.get((time, key, number))
        self._store.delete((time, key, number))
        return time, key, value, tuple((name, data) for name, data in headers)

    def save(self) -> None:
        """Keep the highest time and the next number too: once for all rows in hand."""
        self._store.put(MARK, (None, (self.time_ms, self._number)))
