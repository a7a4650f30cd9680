"""What tables tell those behind them: for each key what its value was and what it is.

Owns: collecting updates as rows, and merging those of one key between two commits.
Must not know: what the values are, who keeps them.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any

from streamz_core.streams.rows import NO_HEADERS, Rows


class Updates:
    """Rows of a table in the making: what each key's value was, and is."""

    def __init__(self) -> None:
        """Start empty."""
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._olds: list[Any] = []
        self._timestamps: list[int] = []
        self._orders: list[int] = []
        self._headers: list[Any] | None = None

    def add(self, rows: Rows, index: int, key: Any, old: Any, new: Any, deleted_at: int) -> None:
        """The update that a row brought about; ``old`` and ``new`` are stamped values, or None.

        An update is of the new value's time; one that deletes is of the time ``deleted_at``.
        """
        if rows.headers is not None:
            if self._headers is None:
                self._headers = [()] * len(self._keys)
            self._headers.append(rows.headers[index])
        self._add(key, old, new, deleted_at, rows.orders[index])

    def held_back(self, key: Any, old: Any, new: Any, deleted_at: int = -1) -> None:
        """An update that waited for the commit; none where nothing was and nothing is."""
        if new is not None or old is not None:
            self._add(key, old, new, deleted_at, -1)

    def rows(self) -> Rows | None:
        """All of them; None where there are none."""
        if not self._keys:
            return None
        return Rows(self._keys, self._values, self._timestamps, self._orders, self._headers, olds=self._olds)

    def _add(self, key: Any, old: Any, new: Any, deleted_at: int, order: int) -> None:
        self._keys.append(key)
        self._values.append(None if new is None else new[0])
        self._olds.append(None if old is None else old[0])
        self._timestamps.append(deleted_at if new is None else new[1])
        self._orders.append(order)


class HeldBack:
    """Keys whose updates wait for the commit, in the order of their first change, with what was before it.

    An update has the headers of the last row that is in it.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._before: dict[Any, Any] = {}
        self._deleted_at: dict[Any, int] = {}
        self._headers: dict[Any, Any] = {}
        """Of all keys that wait, once a row has had any."""

    def note(self, key: Any, old: Any, new: Any, timestamp: int, headers: Any = NO_HEADERS) -> None:
        """A row of this time changes the stamped value of ``key``."""
        if key not in self._before:
            self._before[key] = old
        if new is None:
            self._deleted_at[key] = timestamp
        if headers or self._headers:
            self._headers[key] = headers

    def take(self, store: Any) -> Rows | None:
        """One update for each key, from what was before to what ``store`` has now."""
        if not self._before:
            return None
        before, self._before = self._before, {}
        deleted_at, self._deleted_at = self._deleted_at, {}
        updates, get = Updates(), store.get
        for key, old in before.items():
            updates.held_back(key, old, get(key), deleted_at.get(key, -1))
        rows = updates.rows()
        headers, self._headers = self._headers, {}
        if rows is not None and headers:
            rows.headers = [headers.get(key, NO_HEADERS) for key in rows.keys]
        return rows
