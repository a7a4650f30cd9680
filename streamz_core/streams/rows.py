"""``Rows``: records on their way from one operator to the next, one list per field.

Owns: the columns, and picking, joining and merging them.
Must not know: operators, graphs, where records come from.

Every row carries its *order*: the place of the input record it comes from among all those that are handled
together. Operators keep it, so that rows that reached one operator over several ways can be brought back
into the order in which single records would have come (``merge``).

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from streamz_core.model import Header

STALE: Final = "stale"
"""The mark of a table's row that came out of order: there is a newer value of its key (KIP-914)."""
NO_HEADERS: Final[tuple[Header, ...]] = ()
NO_ORDER: Final = -1
"""The order of what no input record stands behind."""


class Rows:
    """Columns of equal length. Optional columns are ``None`` where no row has anything to say.

    ``olds`` is there on the way out of tables: what each value replaces. ``marks`` is a note of an operator
    to the ones right behind it: which branch, which named child.
    """

    def __init__(
        self,
        keys: list[Any],
        values: list[Any],
        timestamps: list[int],
        orders: list[int],
        headers: list[Any] | None = None,
        *,
        olds: list[Any] | None = None,
        marks: list[Any] | None = None,
    ) -> None:
        """The lists are handed over: nobody changes them afterwards."""
        self.keys = keys
        self.values = values
        self.timestamps = timestamps
        self.orders = orders
        self.headers = headers
        self.olds = olds
        self.marks = marks

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.orders)

    def is_stale(self, index: int) -> bool:
        """Whether this row of a versioned table changed its history only (KIP-914)."""
        return self.marks is not None and self.marks[index] is STALE

    def with_keys(self, keys: list[Any]) -> Rows:
        """The same rows under other keys; what a table's row replaces was under the former key, and goes."""
        return Rows(keys, self.values, self.timestamps, self.orders, self.headers)

    def with_values(self, values: list[Any]) -> Rows:
        """The same rows with other values."""
        return Rows(self.keys, values, self.timestamps, self.orders, self.headers)

    def with_olds(self, values: list[Any], olds: list[Any] | None) -> Rows:
        """The same table rows with other values, before and after."""
        return Rows(
            self.keys, values, self.timestamps, self.orders, self.headers, olds=olds, marks=self.marks
        )

    def pick(self, chosen: list[int]) -> Rows:
        """The rows at these indexes, in this order."""
        return Rows(
            picked(self.keys, chosen),
            picked(self.values, chosen),
            picked(self.timestamps, chosen),
            picked(self.orders, chosen),
            _picked_if(self.headers, chosen),
            olds=_picked_if(self.olds, chosen),
            marks=_picked_if(self.marks, chosen),
        )


def picked(column: list[Any], chosen: list[int]) -> list[Any]:
    """The entries of ``column`` at these indexes."""
    return [column[index] for index in chosen]


def _picked_if(column: list[Any] | None, chosen: list[int]) -> list[Any] | None:
    return None if column is None else picked(column, chosen)


def merge(parts: list[Rows]) -> Rows:
    """All rows of ``parts`` by their order; of equal ones, those of the earlier part first."""
    if len(parts) == 1:
        return parts[0]
    joined = joined_rows(parts)
    orders = joined.orders
    count: i64 = len(orders)
    index: i64 = 1
    while index < count:
        if orders[index - 1] > orders[index]:
            return joined.pick(sorted(range(len(orders)), key=orders.__getitem__))
        index += 1
    return joined


def joined_rows(parts: list[Rows]) -> Rows:
    """All rows of ``parts``, one part behind the other."""
    keys: list[Any] = []
    values: list[Any] = []
    timestamps: list[int] = []
    orders: list[int] = []
    for part in parts:
        keys += part.keys
        values += part.values
        timestamps += part.timestamps
        orders += part.orders
    return Rows(
        keys,
        values,
        timestamps,
        orders,
        _joined([(part.headers, len(part)) for part in parts], NO_HEADERS),
        olds=_joined([(part.olds, len(part)) for part in parts], None),
        marks=_joined([(part.marks, len(part)) for part in parts], None),
    )


def _joined(columns: list[tuple[list[Any] | None, int]], filling: Any) -> list[Any] | None:
    if all(column is None for column, _ in columns):
        return None
    joined: list[Any] = []
    for column, count in columns:
        joined += [filling] * count if column is None else column
    return joined
