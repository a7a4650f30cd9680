"""``PlainValues``: the store of a table, of values with times, seen without the times.

Owns: taking the times off, and putting one that says nothing beside what is written.
Must not know: drivers, how stores keep their entries.

What Kafka's ``TopologyTestDriver.getKeyValueStore`` and ``getWindowStore`` give of a timestamped store.
"""

from __future__ import annotations

from typing import Any, Final

NO_TIMESTAMP: Final = -1
_ROWS: Final = frozenset(
    [
        "all",
        "backward_fetch",
        "fetch",
        "fetch_all",
        "items",
        "prefix_scan",
        "range",
        "reverse_all",
        "reverse_range",
    ]
)


class PlainValues:
    """All a store has, with values where it has pairs of value and time."""

    def __init__(self, store: Any) -> None:
        """``store`` has a pair as each value, the last of what a row of it consists of."""
        self._store = store

    def get(self, *where: Any, default: Any = None) -> Any:
        """The value of a key (and window), or ``default``."""
        found = self._store.get(*where)
        return default if found is None else found[0]

    def put(self, *where_and_value: Any) -> None:
        """Set the value of a key (and window), as of no time; None deletes it."""
        *where, value = where_and_value
        self._store.put(*where, None if value is None else (value, NO_TIMESTAMP))

    def put_if_absent(self, key: Any, value: Any) -> Any:
        """Set the value of a key that has none; returns the one it had."""
        before = self.get(key)
        if before is None:
            self.put(key, value)
        return before

    def put_all(self, entries: Any) -> None:
        """Set the values of keys: pairs, or a mapping."""
        for key, value in entries.items() if hasattr(entries, "items") else entries:
            self.put(key, value)

    def __getattr__(self, name: str) -> Any:
        """What else the store has; rows without the times."""
        found = getattr(self._store, name)
        if name not in _ROWS:
            return found
        return lambda *where, **how: [(*row[:-1], row[-1][0]) for row in found(*where, **how)]
