"""Operators of tables: what keeps one, and what follows from one.

Owns: turning records into table updates, filtering and mapping updates, with or without a store of their own.
Must not know: aggregation, joins.

An update has the value before and the value after; None is no value. What follows from a table has a value
before that follows from the table's value before: nothing needs to be stored for that.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.endings import Endings
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.updates import HeldBack, Updates
from streamz_core.streams.rows import NO_HEADERS, Rows


class Keep(Operator):
    """Keeps the latest value of every key in a store: of a topic's records, or of a table's updates.

    Rows without a key are passed over.
    """

    def __init__(self, name: str, store: str, *, caching: bool = True) -> None:
        """``store`` keeps stamped values."""
        super().__init__(name)
        self._store_name = store
        self._held = HeldBack() if caching else None

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store = context.store(self._store_name)
        self._endings = Endings(self._store)
        self._observe = getattr(self._store, "observe", None)
        """Where entries end by themselves, the store has to be told the time."""

    def process(self, rows: Rows) -> Rows | None:
        """The updates, or nothing where they wait for the commit."""
        get, put = self._store.get, self._store.put
        held, updates, observe = self._held, Updates(), self._observe
        before, may_end = self._endings.before, self._endings.may_be
        headers = rows.headers
        for index in range(len(rows.orders)):
            key, value = rows.keys[index], rows.values[index]
            if key is None:
                continue
            timestamp = rows.timestamps[index]
            if observe is not None:
                observe(timestamp)
            old = get(key)
            if may_end:
                old = before(key, old)
            new = None if value is None else (value, timestamp)
            put(key, new)
            if held is None:
                updates.add(rows, index, key, old, new, timestamp)
            else:
                held.note(key, old, new, timestamp, NO_HEADERS if headers is None else headers[index])
        return updates.rows()

    def flush(self) -> Rows | None:
        """One update for each key that changed, or has ended."""
        return self._endings.flush(self._held)


class TableFilter(Operator):
    """A table of the entries a predicate holds for: the others are deleted from it."""

    def __init__(
        self,
        name: str,
        predicate: Callable[[Any, Any], Any],
        *,
        negated: bool = False,
        tells_all: bool = False,
    ) -> None:
        """``predicate(key, value)``; it never sees None.

        ``tells_all``: a deletion goes on where nothing was, too: of a versioned table, what an update replaces
        is not all that it may concern (KIP-914).
        """
        super().__init__(name)
        self._predicate = predicate
        self._negated = negated
        self._tells_all = tells_all

    def process(self, rows: Rows) -> Rows | None:
        """Updates; none where neither the value before nor the one after is in the table."""
        tells_all = self._tells_all or rows.olds is None
        olds = [None] * len(rows) if rows.olds is None else rows.olds
        chosen: list[int] = []
        new_values: list[Any] = []
        new_olds: list[Any] = []
        index = 0
        try:
            for index in range(len(rows.orders)):
                key = rows.keys[index]
                old, value = self._kept(key, olds[index]), self._kept(key, rows.values[index])
                if old is not None or value is not None or tells_all:
                    chosen.append(index)
                    new_values.append(value)
                    new_olds.append(old)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        if not chosen:
            return None
        found = rows if len(chosen) == len(rows) else rows.pick(chosen)
        return found.with_olds(new_values, new_olds)

    def _kept(self, key: Any, value: Any) -> Any:
        if value is None:
            return None
        return value if bool(self._predicate(key, value)) is not self._negated else None


class TableMapValues(Operator):
    """A table of other values of the same keys."""

    def __init__(self, name: str, mapper: Callable[..., Any], *, with_key: bool = False) -> None:
        """The mapper takes a value, or key and value; it never sees None."""
        super().__init__(name)
        self._mapper = mapper
        self._with_key = with_key

    def process(self, rows: Rows) -> Rows | None:
        """As many updates as came."""
        new_values: list[Any] = []
        new_olds: list[Any] | None = None
        index = 0
        try:
            for index in range(len(rows.orders)):
                new_values.append(self._mapped(rows.keys[index], rows.values[index]))
            if rows.olds is not None:
                new_olds = []
                for index in range(len(rows.orders)):
                    new_olds.append(self._mapped(rows.keys[index], rows.olds[index]))
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return rows.with_olds(new_values, new_olds)

    def _mapped(self, key: Any, value: Any) -> Any:
        if value is None:
            return None
        return self._mapper(key, value) if self._with_key else self._mapper(value)


class ToStream(Operator):
    """A table's updates as records of their own: the values after, deletions being records without value."""

    def __init__(self, name: str, mapper: Callable[[Any, Any], Any] | None = None) -> None:
        """``mapper(key, value)`` gives other keys."""
        super().__init__(name)
        self._mapper = mapper

    def process(self, rows: Rows) -> Rows | None:
        """As many rows as came."""
        if self._mapper is None:
            return Rows(rows.keys, rows.values, rows.timestamps, rows.orders, rows.headers)
        keys: list[Any] = []
        try:
            for index in range(len(rows.orders)):
                keys.append(self._mapper(rows.keys[index], rows.values[index]))
        except Exception as error:
            raise row_failed(self.name, rows, len(keys), error) from error
        return rows.with_keys(keys)
