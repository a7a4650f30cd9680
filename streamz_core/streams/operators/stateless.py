"""Operators that know nothing but the row in hand: filter, map and their kin, branch, peek.

Owns: the loops over columns that call the user's functions.
Must not know: stores, graphs, serialisation.

Each is one loop over the rows; an error of the user's function names the row. Compiled where a compiler is
at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streamz_core.streams.operator import Operator, RowFailed
from streamz_core.streams.rows import Rows, picked


class Filter(Operator):
    """Rows that a predicate of key and value holds for; or, ``negated``, does not."""

    def __init__(self, name: str, predicate: Callable[[Any, Any], Any], *, negated: bool = False) -> None:
        """``predicate(key, value)``."""
        super().__init__(name)
        self._predicate = predicate
        self._negated = negated

    def process(self, rows: Rows) -> Rows | None:
        """The rows that pass; None where none does."""
        predicate, negated = self._predicate, self._negated
        keys, values = rows.keys, rows.values
        chosen: list[int] = []
        index = 0
        try:
            for index in range(len(values)):
                if bool(predicate(keys[index], values[index])) is not negated:
                    chosen.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        if len(chosen) == len(values):
            return rows
        return rows.pick(chosen) if chosen else None


class Keyed(Operator):
    """Rows that have a key."""

    def process(self, rows: Rows) -> Rows | None:
        """The same rows where all have; None where none has."""
        if None not in rows.keys:
            return rows
        chosen = [index for index, key in enumerate(rows.keys) if key is not None]
        return rows.pick(chosen) if chosen else None


class MapValues(Operator):
    """Each value replaced by ``mapper(value)``, or ``mapper(key, value)``; keys stay."""

    def __init__(self, name: str, mapper: Callable[..., Any], *, with_key: bool = False) -> None:
        """``with_key``: the mapper takes key and value."""
        super().__init__(name)
        self._mapper = mapper
        self._with_key = with_key

    def process(self, rows: Rows) -> Rows | None:
        """As many rows as came."""
        mapper, keys, values = self._mapper, rows.keys, rows.values
        mapped: list[Any] = []
        try:
            if self._with_key:
                for index in range(len(values)):
                    mapped.append(mapper(keys[index], values[index]))
            else:
                for value in values:
                    mapped.append(mapper(value))
        except Exception as error:
            raise row_failed(self.name, rows, len(mapped), error) from error
        return rows.with_values(mapped)


class Map(Operator):
    """Each row replaced by the pair ``mapper(key, value)``."""

    def __init__(self, name: str, mapper: Callable[[Any, Any], Any]) -> None:
        """The mapper returns a pair of key and value."""
        super().__init__(name)
        self._mapper = mapper

    def process(self, rows: Rows) -> Rows | None:
        """As many rows as came, with new keys."""
        mapper, keys, values = self._mapper, rows.keys, rows.values
        new_keys: list[Any] = []
        new_values: list[Any] = []
        try:
            for index in range(len(values)):
                pair = mapper(keys[index], values[index])
                if not isinstance(pair, tuple) or len(pair) != 2:
                    raise not_a_pair("map()", pair)
                new_keys.append(pair[0])
                new_values.append(pair[1])
        except Exception as error:
            raise row_failed(self.name, rows, len(new_values), error) from error
        return Rows(new_keys, new_values, rows.timestamps, rows.orders, rows.headers)


class SelectKey(Operator):
    """Each key replaced by ``selector(key, value)``."""

    def __init__(self, name: str, selector: Callable[[Any, Any], Any]) -> None:
        """The selector returns the new key."""
        super().__init__(name)
        self._selector = selector

    def process(self, rows: Rows) -> Rows | None:
        """As many rows as came, with new keys."""
        selector, keys, values = self._selector, rows.keys, rows.values
        selected: list[Any] = []
        try:
            for index in range(len(values)):
                selected.append(selector(keys[index], values[index]))
        except Exception as error:
            raise row_failed(self.name, rows, len(selected), error) from error
        return rows.with_keys(selected)


class FlatMapValues(Operator):
    """Each row replaced by one for each value that ``mapper`` returns."""

    def __init__(self, name: str, mapper: Callable[..., Any], *, with_key: bool = False) -> None:
        """``with_key``: the mapper takes key and value."""
        super().__init__(name)
        self._mapper = mapper
        self._with_key = with_key

    def process(self, rows: Rows) -> Rows | None:
        """Any number of rows."""
        mapper, keys, values = self._mapper, rows.keys, rows.values
        mapped: list[Any] = []
        sources: list[int] = []
        index = 0
        try:
            for index in range(len(values)):
                found = mapper(keys[index], values[index]) if self._with_key else mapper(values[index])
                for value in several("flat_map_values()", found):
                    mapped.append(value)
                    sources.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return fanned_out(rows, picked(rows.keys, sources), mapped, sources)


class FlatMap(Operator):
    """Each row replaced by one for each pair that ``mapper(key, value)`` returns."""

    def __init__(self, name: str, mapper: Callable[[Any, Any], Any]) -> None:
        """The mapper returns an iterable of pairs."""
        super().__init__(name)
        self._mapper = mapper

    def process(self, rows: Rows) -> Rows | None:
        """Any number of rows."""
        mapper, keys, values = self._mapper, rows.keys, rows.values
        new_keys: list[Any] = []
        new_values: list[Any] = []
        sources: list[int] = []
        index = 0
        try:
            for index in range(len(values)):
                for pair in several("flat_map()", mapper(keys[index], values[index])):
                    if not isinstance(pair, tuple) or len(pair) != 2:
                        raise not_a_pair("flat_map()", pair)
                    new_keys.append(pair[0])
                    new_values.append(pair[1])
                    sources.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return fanned_out(rows, new_keys, new_values, sources)


class Peek(Operator):
    """Calls ``action(key, value)`` for its effect."""

    def __init__(self, name: str, action: Callable[[Any, Any], Any]) -> None:
        """What the action returns is not looked at."""
        super().__init__(name)
        self._action = action

    def process(self, rows: Rows) -> Rows | None:
        """The rows as they came."""
        action, keys, values = self._action, rows.keys, rows.values
        index = 0
        try:
            for index in range(len(values)):
                action(keys[index], values[index])
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return rows


class Split(Operator):
    """Marks each row with the number of the first predicate that holds for it; others are dropped."""

    def __init__(self, name: str, predicates: list[Callable[[Any, Any], Any]]) -> None:
        """``predicate(key, value)``, in the order of the branches."""
        super().__init__(name)
        self._predicates = predicates

    def process(self, rows: Rows) -> Rows | None:
        """Marked rows, for the ``Branch`` operators behind."""
        keys, values = rows.keys, rows.values
        chosen: list[int] = []
        marks: list[Any] = []
        index = 0
        try:
            for index in range(len(values)):
                for number, predicate in enumerate(self._predicates):
                    if predicate(keys[index], values[index]):
                        chosen.append(index)
                        marks.append(number)
                        break
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        found = rows.pick(chosen)
        found.marks = marks
        return found


class Branch(Operator):
    """The rows with one mark."""

    def __init__(self, name: str, mark: Any) -> None:
        """``mark`` is what the operator before says of the rows that belong here."""
        super().__init__(name)
        self._mark = mark

    def process(self, rows: Rows) -> Rows | None:
        """Rows without marks."""
        marks, mark = rows.marks, self._mark
        assert marks is not None, "a branch follows an operator that marks its rows"
        chosen: list[int] = []
        for index in range(len(marks)):
            if marks[index] == mark:
                chosen.append(index)
        if not chosen:
            return None
        found = rows.pick(chosen)
        found.marks = None
        return found


class Pass(Operator):
    """Rows as they come: where several ways meet, or begin."""


def fanned_out(rows: Rows, keys: list[Any], values: list[Any], sources: list[int]) -> Rows | None:
    """New rows, each with the time, order and headers of the row at its source index."""
    if not sources:
        return None
    headers = rows.headers
    return Rows(
        keys,
        values,
        picked(rows.timestamps, sources),
        picked(rows.orders, sources),
        None if headers is None else picked(headers, sources),
    )


def several(what: str, found: Any) -> Any:
    """What a user's function returned that is to give several results."""
    if not isinstance(found, Iterable):
        raise TypeError(
            f"{what} takes a function that returns any number of results, as a list does; got {found!r}"
        )
    return found


def not_a_pair(what: str, found: object) -> TypeError:
    """A user's function was to give a key and a value, and gave this."""
    return TypeError(f"{what} takes a function that gives pairs, tuples (key, value); got {found!r}")


def row_failed(operator: str, rows: Rows, index: int, error: Exception) -> RowFailed:
    """The user's function failed on this row; to be raised from ``error``."""
    return RowFailed(operator, rows.orders[index], error)
