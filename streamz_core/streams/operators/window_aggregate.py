"""Aggregation by key and window.

Owns: which windows a row belongs to, lateness, and what is told of a window: updates, or its final result.
Must not know: how stores keep values, which windows there are.

Time is the highest timestamp of the rows that came to this operator, kept with the store: what is late follows
from records alone, and is the same after a restart. A window takes rows until that time reaches its end and
grace.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.updates import HeldBack, Updates
from streamz_core.streams.rows import Rows
from streamz_core.streams.windowed_key import Window, Windowed


class WindowAggregate(Operator):
    """``aggregator(key, value, aggregate)`` in each window of a row, beginning with ``initializer()``.

    Without an initializer the first value is the first aggregate. Rows without key are passed over.
    """

    def __init__(
        self,
        name: str,
        store: str,
        size_ms: int,
        starts: Callable[[int], list[int]],
        aggregator: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
        *,
        caching: bool = True,
        final: bool = False,
    ) -> None:
        """``store`` keeps stamped aggregates; ``starts(timestamp)`` are those of a row's windows.

        ``final``: only what a window holds when it closes is sent on.
        """
        super().__init__(name)
        self._store_name = store
        self._size_ms = size_ms
        self._starts = starts
        self._aggregator = aggregator
        self._initializer = initializer
        self._final = final
        self._held = HeldBack() if caching else None

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store = context.store(self._store_name)

    def process(self, rows: Rows) -> Rows | None:
        """The updates, or nothing where they wait."""
        store, starts = self._store, self._starts
        updates = Updates()
        index = 0
        try:
            for index in range(len(rows.orders)):
                key = rows.keys[index]
                if key is None:
                    continue
                timestamp = rows.timestamps[index]
                now = store.observe(timestamp)
                for start in starts(timestamp):
                    if store.late(start, now):
                        store.count_late()
                    else:
                        self._update(rows, index, start, updates)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return updates.rows()

    def flush(self) -> Rows | None:
        """One update for each key and window that changed; or what closed."""
        if self._final:
            updates = Updates()
            for key, start, stamped in self._store.expire(self._store.stream_time_ms):
                updates.held_back(self._windowed(key, start), None, stamped)
            return updates.rows()
        return None if self._held is None else self._held.take(_ByWindowedKey(self._store))

    def _update(self, rows: Rows, index: int, start: int, updates: Updates) -> None:
        key, value, timestamp = rows.keys[index], rows.values[index], rows.timestamps[index]
        old = self._store.get(key, start)
        new = self._next(key, value, timestamp, old)
        self._store.put(key, start, new)
        if self._final:
            return
        windowed = self._windowed(key, start)
        if self._held is None:
            deleted_at = timestamp if old is None else max(timestamp, old[1])
            updates.add(rows, index, windowed, old, new, deleted_at)
        else:
            self._held.note(windowed, old, new, timestamp)

    def _next(self, key: Any, value: Any, timestamp: int, old: Any) -> Any:
        if old is None:
            initializer = self._initializer
            aggregate = value if initializer is None else self._aggregator(key, value, initializer())
            return None if aggregate is None else (aggregate, timestamp)
        aggregate = self._aggregator(key, value, old[0])
        return None if aggregate is None else (aggregate, max(timestamp, old[1]))

    def _windowed(self, key: Any, start: int) -> Windowed:
        return Windowed(key, Window(start, start + self._size_ms))


class _ByWindowedKey:
    """A window store, asked by windowed keys."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: Windowed) -> Any:
        return self._store.get(key.key, key.window.start)
