"""``ThrottleKept``: the pace of rows, with those whose time has not come kept in a store.

Owns: which rows may pass now.
Must not know: who runs it, how rows are kept.

Unlike ``Throttle`` it makes nobody wait: the other steps of its task go on, and so do commits.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.numbered_rows import NumberedRows
from streamz_core.streams.operators.pace import Pace

if TYPE_CHECKING:
    from streamz_core.streams.rows import Rows


class ThrottleKept(Operator):
    """Rows go on in their order, those that waited when time has its turn."""

    def __init__(self, name: str, store: str, records: int, per_ms: int) -> None:
        """``records`` in any ``per_ms`` milliseconds; ``store`` is that of ``NumberedRows``."""
        super().__init__(name)
        self._store_name = store
        self._records = records
        self._per_ms = per_ms

    def open(self, context: OperatorContext) -> None:
        """Begin with the rows that waited."""
        self._pace = Pace(context.clock, self._records, self._per_ms)
        self._rows = NumberedRows(context.store(self._store_name))
        self._waiting = deque(self._rows.numbers)

    def process(self, rows: Rows) -> Rows | None:
        """The rows that may go on at once."""
        passing = 0 if self._waiting else min(len(rows), self._pace.free())
        self._pace.passed(passing)
        self._waiting += [self._rows.put(rows, index) for index in range(passing, len(rows))]
        return rows.pick(list(range(passing))) if passing else None

    def punctuate(self, now_ms: int) -> Rows | None:
        """The rows whose time has come."""
        passing = min(len(self._waiting), self._pace.free())
        if not passing:
            return None
        self._pace.passed(passing)
        return self._rows.take([self._waiting.popleft() for _ in range(passing)])
