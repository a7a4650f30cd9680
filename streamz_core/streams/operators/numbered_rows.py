"""``NumberedRows``: rows that wait in a store until their number is called.

Owns: their numbers, and their entries.
Must not know: what they wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.streams.rows import NO_HEADERS, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence


class NumberedRows:
    """The rows of one step and partition that wait."""

    def __init__(self, store: Any) -> None:
        """``store`` has ``(key, value, timestamp, headers)`` by number."""
        self._store = store
        self.numbers: list[int] = sorted(number for number, _ in store.items())
        """The numbers of those that were there at the beginning, in the order in which they came."""
        self._next = self.numbers[-1] + 1 if self.numbers else 0

    def put(self, rows: Rows, index: int) -> int:
        """Keep the row at ``index``; its number."""
        number = self._next
        self._next += 1
        headers = NO_HEADERS if rows.headers is None else rows.headers[index]
        self._store.put(number, (rows.keys[index], rows.values[index], rows.timestamps[index], headers))
        return number

    def key_and_value(self, number: int) -> tuple[Any, Any]:
        """Of a row that waits."""
        key, value, _, _ = self._store.get(number)
        return key, value

    def take(self, numbers: Sequence[int]) -> Rows:
        """These rows, in this order; they wait no more. No record in hand stands behind them."""
        found = [self._store.get(number) for number in numbers]
        for number in numbers:
            self._store.delete(number)
        keys, values, timestamps, headers = ([row[place] for row in found] for place in range(4))
        pairs = [tuple((name, data) for name, data in row) for row in headers]
        return Rows(keys, values, timestamps, [-1] * len(found), pairs if any(pairs) else None)
