"""``StreamTableJoin``: each record with what a table says of its key at that moment.

Owns: when a record is looked up, and what becomes of it where the table has nothing.
Must not know: how tables are kept.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.rows import Rows, picked


class StreamTableJoin(Operator):
    """``joiner(value, table_value)``, or with the key before them; the table's side does not bring about any.

    Rows without value are passed over. Rows without key find nothing: inner joins drop them, left joins
    (KIP-962) join them with None.
    """

    def __init__(
        self, name: str, view: TableView, joiner: Callable[..., Any], *, left: bool, with_key: bool = False
    ) -> None:
        """``left``: also rows whose key the table does not have, joined with None."""
        super().__init__(name)
        self._view = view
        self._joiner = joiner
        self._left = left
        self._with_key = with_key

    def open(self, context: OperatorContext) -> None:
        """Open the table."""
        self._table = self._view.open(context)

    def process(self, rows: Rows) -> Rows | None:
        """A row for each that found its match."""
        table, joiner, keys, values = self._table, self._joiner, rows.keys, rows.values
        joined: list[Any] = []
        chosen: list[int] = []
        index = 0
        try:
            for index in range(len(values)):
                key, value = keys[index], values[index]
                if value is None:
                    continue
                found = None if key is None else table.at(key, rows.timestamps[index])
                if found is None and not self._left:
                    continue
                other = None if found is None else found[0]
                joined.append(joiner(key, value, other) if self._with_key else joiner(value, other))
                chosen.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        if not chosen:
            return None
        if len(chosen) == len(values):
            return Rows(keys, joined, rows.timestamps, rows.orders, rows.headers)
        headers = rows.headers
        return Rows(
            picked(keys, chosen),
            joined,
            picked(rows.timestamps, chosen),
            picked(rows.orders, chosen),
            None if headers is None else picked(headers, chosen),
        )
