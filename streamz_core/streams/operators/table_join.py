"""``TableJoin``: two tables as one, by key.

Owns: which update of a side leads to which update of the joined table.
Must not know: how the tables are kept, what becomes of the joined one.

An update has the value before and after, each joined with what the other side has now. Updates go on as
Kafka Streams sends them: also where neither before nor after is a value, as long as it would have looked.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import OperatorContext
from streamz_core.streams.operators.joined import LEFT, Joined, TwoSided
from streamz_core.streams.operators.view import Lookup, TableView
from streamz_core.streams.rows import Rows


class TableJoin(TwoSided):
    """``joiner(key, left, right)``; None stands for a side that has nothing."""

    is_table = True

    def __init__(
        self,
        name: str,
        views: tuple[TableView, TableView],
        joiner: Callable[[Any, Any, Any], Any],
        *,
        needs_left: bool,
        needs_right: bool,
    ) -> None:
        """``needs_…``: a key is in the joined table only if that side has it."""
        super().__init__(name)
        self._views = views
        self._joiner = joiner
        self._needs = [needs_left, needs_right]

    def open(self, context: OperatorContext) -> None:
        """Open both tables."""
        self._sides: list[Lookup] = [view.open(context) for view in self._views]

    def take(self, rows: Rows, index: int, side: int, joined: Joined) -> None:
        """The update that a row leads to; what came out of order to a versioned table leads to none."""
        key, new, timestamp = rows.keys[index], rows.values[index], rows.timestamps[index]
        if key is None or rows.is_stale(index):
            return
        old = None if rows.olds is None else rows.olds[index]
        found = self._sides[1 - side].get(key)
        if found is None:
            if self._needs[1 - side] or (new is None and old is None):
                return
            other = None
        else:
            other = found[0]
            timestamp = max(timestamp, found[1])
        value, before = self._joined(side, key, new, other), self._joined(side, key, old, other)
        joined.add(rows, index, key, value, timestamp, old=before)

    def _joined(self, side: int, key: Any, value: Any, other: Any) -> Any:
        if value is None and (self._needs[side] or other is None):
            return None
        return self._joiner(key, value, other) if side == LEFT else self._joiner(key, other, value)
