"""Aggregation by key: count, reduce, aggregate.

Owns: how a row changes its key's aggregate, and what of it is told to those behind, and when.
Must not know: how stores keep values, windows.

With caching, the updates of one key between two commits go on as one: what the value was before the first
of them, and what it is after the last. Without, each goes on by itself. Aggregates carry the highest time of
the rows they are made of.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.endings import Endings
from streamz_core.streams.operators.stamped_versions import stamped_store
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.updates import HeldBack, Updates
from streamz_core.streams.rows import NO_HEADERS, Rows


class Aggregate(Operator):
    """``aggregator(key, value, aggregate)`` for each row, beginning with ``initializer()``.

    Without an initializer the first value is the first aggregate. Rows without key or value are passed over.
    """

    def __init__(
        self,
        name: str,
        store: str,
        aggregator: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
        *,
        caching: bool = True,
    ) -> None:
        """``store`` keeps stamped aggregates."""
        super().__init__(name)
        self._store_name = store
        self._aggregator = aggregator
        self._initializer = initializer
        self._held = HeldBack() if caching else None

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store = stamped_store(context, self._store_name)
        self._endings = Endings(self._store)
        self._observe = getattr(self._store, "observe", None)
        """Where entries end by themselves, or versions do, the store has to be told the time."""

    def process(self, rows: Rows) -> Rows | None:
        """The updates, or nothing where they wait for the commit."""
        get, put = self._store.get, self._store.put
        held, updates, observe = self._held, Updates(), self._observe
        before, may_end = self._endings.before, self._endings.may_be
        headers = rows.headers
        index = 0
        try:
            for index in range(len(rows.orders)):
                key, value, timestamp = rows.keys[index], rows.values[index], rows.timestamps[index]
                if key is None or value is None:
                    continue
                if observe is not None:
                    observe(timestamp)
                old = get(key)
                new = self._next(key, value, timestamp, old)
                told = before(key, old) if may_end else old
                put(key, new)
                if held is None:
                    updates.add(
                        rows, index, key, told, new, timestamp if old is None else max(timestamp, old[1])
                    )
                else:
                    held.note(key, told, new, timestamp, NO_HEADERS if headers is None else headers[index])
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return updates.rows()

    def flush(self) -> Rows | None:
        """One update for each key that changed, or has ended."""
        return self._endings.flush(self._held)

    def _next(self, key: Any, value: Any, timestamp: int, old: Any) -> Any:
        if old is None:
            initializer = self._initializer
            aggregate = value if initializer is None else self._aggregator(key, value, initializer())
            return None if aggregate is None else (aggregate, timestamp)
        aggregate = self._aggregator(key, value, old[0])
        return None if aggregate is None else (aggregate, max(timestamp, old[1]))
