"""``HoldBack``: rows that wait until the table they are joined with has had time to catch up (KIP-923).

Owns: how long rows wait.
Must not know: what becomes of them behind, how they are kept.

A row goes on once the highest time of the rows that came is ``grace_ms`` ahead of it. One that comes later than
that goes on at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.held_rows import HeldRows
from streamz_core.streams.operators.joined import Joined
from streamz_core.streams.operators.stateless import row_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.rows import Rows


class HoldBack(Operator):
    """Rows of a stream, in the order of their times; without value they are dropped."""

    def __init__(
        self, name: str, store: str, grace_ms: int, encode_key: Callable[[Any], bytes | None]
    ) -> None:
        """``store`` is that of ``HeldRows``."""
        super().__init__(name)
        self._store_name = store
        self._grace_ms = grace_ms
        self._encode_key = encode_key

    def open(self, context: OperatorContext) -> None:
        """Begin with the rows that waited."""
        self._held = HeldRows(context.store(self._store_name), self._encode_key)

    def process(self, rows: Rows) -> Rows | None:
        """The rows that have waited long enough."""
        made = Joined()
        index = 0
        try:
            for index in range(len(rows)):
                if rows.values[index] is not None:
                    self._take(rows, index, made)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        self._held.save()
        return made.rows()

    def _take(self, rows: Rows, index: int, made: Joined) -> None:
        key, time, held = rows.keys[index], rows.timestamps[index], self._held
        if key is None or time < held.time_ms - self._grace_ms:
            made.add(rows, index, key, rows.values[index], time)
            return
        held.put(rows, index)
        passed_ms = held.observe(time) - self._grace_ms
        while (row := held.take_until(passed_ms)) is not None:
            time, key, value, headers = row
            made.add(rows, index, key, value, time, headers=headers)
