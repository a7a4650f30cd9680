"""``KeepVersions``: a table with history, kept of records that may come out of order.

Owns: what a record does to it, and saying of an update that it is not the newest of its key.
Must not know: how versions are stored, joins.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any

from streamz_core.state.versioned import PutResult
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.updates import Updates
from streamz_core.streams.rows import STALE, Rows


class KeepVersions(Operator):
    """Keeps every version of every key that the store's retention allows (KIP-914).

    Rows without a key are passed over, and those that come too late for the history. Every other row is an
    update; those that did not change what the key's value is now are marked ``STALE``.
    """

    def __init__(self, name: str, store: str) -> None:
        """``store`` is a versioned one."""
        super().__init__(name)
        self._store_name = store

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store = context.store(self._store_name)

    def process(self, rows: Rows) -> Rows | None:
        """An update for each row that was put."""
        store, updates = self._store, Updates()
        marks: list[Any] = []
        for index in range(len(rows.orders)):
            key, value, timestamp = rows.keys[index], rows.values[index], rows.timestamps[index]
            if key is None:
                continue
            old = store.get(key)
            result = store.put(key, value, timestamp)
            if result is PutResult.TOO_LATE:
                continue
            marks.append(STALE if result is PutResult.EARLIER else None)
            updates.add(rows, index, key, old, None if value is None else (value, timestamp), timestamp)
        made = updates.rows()
        if made is not None and STALE in marks:
            made.marks = marks
        return made
