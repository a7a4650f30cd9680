"""Operators that change one part of a row: its value or whether it stays, its time, its headers.

Owns: the loops over columns that call the user's functions.
Must not know: stores, graphs.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.rows import Rows


class FilterMap(Operator):
    """Each value replaced by ``mapper(value)``, or ``mapper(key, value)``; where that is None, the row goes."""

    def __init__(self, name: str, mapper: Callable[..., Any], *, with_key: bool = False) -> None:
        """``with_key``: the mapper takes key and value."""
        super().__init__(name)
        self._mapper = mapper
        self._with_key = with_key

    def process(self, rows: Rows) -> Rows | None:
        """The rows that have a value now."""
        mapper, keys, values = self._mapper, rows.keys, rows.values
        chosen: list[int] = []
        mapped: list[Any] = []
        index = 0
        try:
            for index in range(len(values)):
                found = mapper(keys[index], values[index]) if self._with_key else mapper(values[index])
                if found is not None:
                    chosen.append(index)
                    mapped.append(found)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        if not chosen:
            return None
        return (rows if len(chosen) == len(values) else rows.pick(chosen)).with_values(mapped)


class WithTimestamp(Operator):
    """Each row of the time ``function(key, value)``, in milliseconds."""

    def __init__(self, name: str, function: Callable[[Any, Any], int]) -> None:
        """The function returns milliseconds since the Unix epoch."""
        super().__init__(name)
        self._function = function

    def process(self, rows: Rows) -> Rows | None:
        """As many rows as came."""
        timestamps: list[int] = []
        try:
            for index in range(len(rows.orders)):
                timestamp = self._function(rows.keys[index], rows.values[index])
                if type(timestamp) is not int or timestamp < 0:
                    raise ValueError(f"expected milliseconds since the epoch, got {timestamp!r}")
                timestamps.append(timestamp)
        except Exception as error:
            raise row_failed(self.name, rows, len(timestamps), error) from error
        return Rows(rows.keys, rows.values, timestamps, rows.orders, rows.headers)


class WithHeaders(Operator):
    """Each row with the headers ``function(key, value, headers)``."""

    def __init__(self, name: str, function: Callable[[Any, Any, Any], Any]) -> None:
        """The function returns a dict, or pairs, of names and bytes; None is none."""
        super().__init__(name)
        self._function = function

    def process(self, rows: Rows) -> Rows | None:
        """As many rows as came."""
        made: list[Any] = []
        before = rows.headers
        try:
            for index in range(len(rows.orders)):
                old = () if before is None else before[index]
                given = self._function(rows.keys[index], rows.values[index], old)
                pairs = tuple(given.items() if isinstance(given, dict) else given or ())
                for name, value in pairs:
                    if not isinstance(name, str) or not (value is None or isinstance(value, bytes)):
                        raise TypeError(f"a header is a name and bytes, got {name!r} and {value!r}")
                made.append(pairs)
        except Exception as error:
            raise row_failed(self.name, rows, len(made), error) from error
        return Rows(rows.keys, rows.values, rows.timestamps, rows.orders, made)
