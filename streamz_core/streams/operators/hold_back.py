"""``HoldBack``: rows that wait until the table they are joined with has had time to catch up (KIP-923).

Owns: how long rows wait, and in which order they go on.
Must not know: what becomes of them behind.

A row goes on once the highest time of the rows that came is ``grace_ms`` ahead of it: by time, then by the bytes of
the key, then by arrival. One that comes later than that goes on at once.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.timed_key import TIME_END
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.joined import Joined
from streamz_core.streams.operators.stateless import row_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.rows import Rows

MARK: Final = (TIME_END, None, 0)
"""The entry that holds the highest time and the next number; behind all rows."""


class HoldBack(Operator):
    """Rows of a stream, in the order of their times; without value they are dropped."""

    def __init__(
        self, name: str, store: str, grace_ms: int, encode_key: Callable[[Any], bytes | None]
    ) -> None:
        """``store`` has ``(value, headers)`` by (time, key, number)."""
        super().__init__(name)
        self._store_name = store
        self._grace_ms = grace_ms
        self._encode_key = encode_key

    def open(self, context: OperatorContext) -> None:
        """Begin with the rows that waited."""
        self._store = context.store(self._store_name)
        mark = self._store.get(MARK)
        self._time_ms: int = -1 if mark is None else mark[1][0]
        self._number: int = 0 if mark is None else mark[1][1]
        self._waiting = [
            (time, self._encode_key(key), number, key)
            for (time, key, number), _ in self._store.items()
            if time != TIME_END
        ]
        heapify(self._waiting)

    def process(self, rows: Rows) -> Rows | None:
        """The rows that have waited long enough."""
        made = Joined()
        index = 0
        try:
            for index in range(len(rows)):
                if rows.values[index] is not None:
                    self._take(rows, index, made)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        self._store.put(MARK, (None, (self._time_ms, self._number)))
        return made.rows()

    def _take(self, rows: Rows, index: int, made: Joined) -> None:
        key, value, time = rows.keys[index], rows.values[index], rows.timestamps[index]
        if key is None or time < self._time_ms - self._grace_ms:
            made.add(rows, index, key, value, time)
            return
        headers = () if rows.headers is None else rows.headers[index]
        self._store.put((time, key, self._number), (value, headers))
        heappush(self._waiting, (time, self._encode_key(key), self._number, key))
        self._number += 1
        self._time_ms = max(self._time_ms, time)
        while self._waiting and self._waiting[0][0] <= self._time_ms - self._grace_ms:
            self._send_first(rows, index, made)

    def _send_first(self, rows: Rows, index: int, made: Joined) -> None:
        time, _, number, key = heappop(self._waiting)
        value, headers = self._store.get((time, key, number))
        self._store.delete((time, key, number))
        made.add(rows, index, key, value, time, headers=tuple((name, data) for name, data in headers))
