"""Aggregation by key over so many rows.

Owns: which rows of a key are in a window, and when it is told of.
Must not know: how stores keep values.

Rows are numbered by key. Rows without key or value are passed over, and have no number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.stateless import fanned_out, row_failed
from streamz_core.streams.rows import Rows
from streamz_core.streams.windowed_key import Window, Windowed


class CountAggregate(Operator):
    """What the windows by count have in common."""

    def __init__(
        self,
        name: str,
        store: str,
        size: int,
        aggregator: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
    ) -> None:
        """``store`` keeps what is needed of each key, stamped. Without an initializer the first value begins."""
        super().__init__(name)
        self._store_name = store
        self._size = size
        self._aggregator = aggregator
        self._initializer = initializer

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store = context.store(self._store_name)

    def process(self, rows: Rows) -> Rows | None:
        """A row for each window that is told of."""
        keys: list[Any] = []
        values: list[Any] = []
        sources: list[int] = []
        index = 0
        try:
            for index in range(len(rows.keys)):
                if rows.keys[index] is None or rows.values[index] is None:
                    continue
                told = self._take(rows.keys[index], rows.values[index], rows.timestamps[index])
                if told is not None:
                    keys.append(told[0])
                    values.append(told[1])
                    sources.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return fanned_out(rows, keys, values, sources)

    def _take(self, key: Any, value: Any, timestamp: int) -> tuple[Windowed, Any] | None:
        raise AssertionError("a kind of window by count takes rows in its own way")

    def _next(self, key: Any, value: Any, aggregate: Any, *, is_first: bool) -> Any:
        if not is_first:
            return self._aggregator(key, value, aggregate)
        if self._initializer is None:
            return value
        return self._aggregator(key, value, self._initializer())


class TumblingCounts(CountAggregate):
    """One window after the other: kept are the number of rows so far, and the aggregate of the last few."""

    def _take(self, key: Any, value: Any, timestamp: int) -> tuple[Windowed, Any] | None:
        stamped = self._store.get(key)
        count, aggregate = (0, None) if stamped is None else stamped[0]
        aggregate = self._next(key, value, aggregate, is_first=count % self._size == 0)
        count += 1
        if count % self._size:
            self._store.put(key, ([count, aggregate], timestamp))
            return None
        self._store.put(key, ([count, None], timestamp))
        return Windowed(key, Window(count - self._size, count)), aggregate


class SlidingCounts(CountAggregate):
    """The last rows with each row: kept are the number of rows so far, and the values of the last ones."""

    def _take(self, key: Any, value: Any, timestamp: int) -> tuple[Windowed, Any] | None:
        stamped = self._store.get(key)
        count, values = (0, []) if stamped is None else stamped[0]
        values = [*values, value][-self._size :]
        count += 1
        self._store.put(key, ([count, values], timestamp))
        aggregate: Any = None
        for position in range(len(values)):
            aggregate = self._next(key, values[position], aggregate, is_first=position == 0)
        return Windowed(key, Window(count - len(values), count)), aggregate
