"""``Deduplicate``: of rows that are the same, the first within a time.

Owns: what the same is, and how long it is remembered.
Must not know: how stores keep windows.

A row that stays is noted under its identity in the window of its time; windows are as long as the time within
which another one is a duplicate, so that the window before, its own and the one after hold all that count.
Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.rows import Rows


class Deduplicate(Operator):
    """Rows of which no other with the same ``identity(key, value)`` stayed less than ``within_ms`` away."""

    def __init__(
        self, name: str, store: str, within_ms: int, identity: Callable[[Any, Any], Any] | None
    ) -> None:
        """Without ``identity`` it is the key. Rows whose identity is None stay."""
        super().__init__(name)
        self._store_name = store
        self._within_ms = within_ms
        self._identity = identity

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store = context.store(self._store_name)

    def process(self, rows: Rows) -> Rows | None:
        """The rows that stay; those too old to tell go, and are counted late."""
        chosen: list[int] = []
        index = 0
        try:
            for index in range(len(rows.orders)):
                identity, key = self._identity, rows.keys[index]
                found = key if identity is None else identity(key, rows.values[index])
                if found is None or self._is_new(found, rows.timestamps[index]):
                    chosen.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        if len(chosen) == len(rows.orders):
            return rows
        return rows.pick(chosen) if chosen else None

    def _is_new(self, identity: Any, timestamp: int) -> bool:
        store, within_ms = self._store, self._within_ms
        now_ms = store.observe(timestamp)
        start = timestamp - timestamp % within_ms
        if store.late(start, now_ms):
            store.count_late()
            return False
        for window in (start - within_ms, start, start + within_ms):
            seen = store.get(identity, window)
            if seen is not None and abs(timestamp - seen) < within_ms:
                return False
        store.put(identity, start, timestamp)
        return True
