"""``StreamGlobalJoin``: each record with what a global table says of a key that the record names.

Owns: which key is looked up, and what becomes of a record where the table has nothing.
Must not know: how global tables are read and kept.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.rows import Rows


class StreamGlobalJoin(Operator):
    """``joiner(value, table_value)``, or with the record's key before them.

    Rows without value are passed over. Rows for which the selector gives no key find nothing.
    """

    def __init__(
        self,
        name: str,
        store: str,
        key_selector: Callable[[Any, Any], Any],
        joiner: Callable[..., Any],
        *,
        left: bool,
        with_key: bool = False,
    ) -> None:
        """``key_selector(key, value)``; ``left``: also rows that find nothing, joined with None."""
        super().__init__(name)
        self._store_name = store
        self._key_selector = key_selector
        self._joiner = joiner
        self._left = left
        self._with_key = with_key

    def open(self, context: OperatorContext) -> None:
        """Open the table."""
        self._table = context.global_store(self._store_name)

    def process(self, rows: Rows) -> Rows | None:
        """A row for each that found its match."""
        get, select, joiner = self._table.get, self._key_selector, self._joiner
        joined: list[Any] = []
        chosen: list[int] = []
        index = 0
        try:
            for index in range(len(rows)):
                key, value = rows.keys[index], rows.values[index]
                if value is None:
                    continue
                wanted = select(key, value)
                found = None if wanted is None else get(wanted)
                if found is None and not self._left:
                    continue
                joined.append(joiner(key, value, found) if self._with_key else joiner(value, found))
                chosen.append(index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        if not chosen:
            return None
        return rows.pick(chosen).with_values(joined)
