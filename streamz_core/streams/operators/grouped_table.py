"""Tables grouped by another key: what leaves a group is taken out, what joins it is added.

Owns: turning a table's updates into changes of groups, and applying those to aggregates.
Must not know: the internal topic in between, codecs.

A change is the pair of values ``(before, after)`` under the group's key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.endings import Endings
from streamz_core.streams.operators.stamped_versions import stamped_store
from streamz_core.streams.operators.stateless import fanned_out, not_a_pair, row_failed
from streamz_core.streams.operators.updates import HeldBack, Updates
from streamz_core.streams.rows import NO_HEADERS, Rows


class Regroup(Operator):
    """For every update the changes of the groups that the key was in, and is in."""

    def __init__(self, name: str, selector: Callable[[Any, Any], Any]) -> None:
        """``selector(key, value)`` gives the group's key and the value in it; None of either: in no group."""
        super().__init__(name)
        self._selector = selector

    def process(self, rows: Rows) -> Rows | None:
        """One change where the group stays the same, else one for each group."""
        keys: list[Any] = []
        changes: list[Any] = []
        sources: list[int] = []
        index = 0
        try:
            for index in range(len(rows.orders)):
                if rows.is_stale(index):
                    continue  # the group has what is newer
                key, value = rows.keys[index], rows.values[index]
                before = self._in_group(key, None if rows.olds is None else rows.olds[index])
                after = self._in_group(key, value)
                if before is not None and after is not None and before[0] == after[0]:
                    found = [(after[0], (before[1], after[1]))]
                else:
                    found = [] if before is None else [(before[0], (before[1], None))]
                    if after is not None:
                        found.append((after[0], (None, after[1])))
                for group, change in found:
                    keys.append(group)
                    changes.append(change)
                    sources.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return fanned_out(rows, keys, changes, sources)

    def _in_group(self, key: Any, value: Any) -> tuple[Any, Any] | None:
        if value is None:
            return None
        pair = self._selector(key, value)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise not_a_pair("group_by()", pair)
        group, grouped = pair
        return None if group is None or grouped is None else (group, grouped)


class TableAggregate(Operator):
    """``subtractor(key, before, aggregate)``, then ``adder(key, after, aggregate)``.

    An aggregate begins with ``initializer()``, or without one with the first value.
    """

    def __init__(
        self,
        name: str,
        store: str,
        adder: Callable[[Any, Any, Any], Any],
        subtractor: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
        *,
        caching: bool = True,
    ) -> None:
        """``store`` keeps stamped aggregates."""
        super().__init__(name)
        self._store_name = store
        self._adder = adder
        self._subtractor = subtractor
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
        get, put, held, updates = self._store.get, self._store.put, self._held, Updates()
        observe, headers = self._observe, rows.headers
        index = 0
        try:
            for index in range(len(rows.orders)):
                key, timestamp = rows.keys[index], rows.timestamps[index]
                if observe is not None:
                    observe(timestamp)
                old = get(key)
                aggregate = self._next(key, rows.values[index], None if old is None else old[0])
                latest = timestamp if old is None else max(timestamp, old[1])
                new = None if aggregate is None else (aggregate, latest)
                told = self._endings.before(key, old)
                put(key, new)
                if held is None:
                    updates.add(rows, index, key, told, new, latest)
                else:
                    held.note(key, told, new, timestamp, NO_HEADERS if headers is None else headers[index])
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return updates.rows()

    def flush(self) -> Rows | None:
        """One update for each key that changed, or has ended."""
        return self._endings.flush(self._held)

    def _next(self, key: Any, change: tuple[Any, Any], aggregate: Any) -> Any:
        before, after = change
        if before is not None and aggregate is not None:
            aggregate = self._subtractor(key, before, aggregate)
        if after is None:
            return aggregate
        if aggregate is None:
            if self._initializer is None:
                return after
            aggregate = self._initializer()
        return self._adder(key, after, aggregate)
