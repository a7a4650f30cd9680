"""What joins of two inputs share: whose turn it is, and results as rows.

Owns: the order between the rows of two inputs, and rows in the making.
Must not know: what is joined, and how.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any, Final

from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.rows import Rows

LEFT: Final = 0
RIGHT: Final = 1


class Joined:
    """Rows in the making; with what they replace where they are a table's."""

    def __init__(self, *, table: bool = False) -> None:
        """Start empty."""
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._timestamps: list[int] = []
        self._orders: list[int] = []
        self._headers: list[Any] | None = None
        self._olds: list[Any] | None = [] if table else None

    def add(
        self,
        rows: Rows,
        index: int,
        key: Any,
        value: Any,
        timestamp: int,
        *,
        old: Any = None,
        headers: Any = None,
    ) -> None:
        """A result that the row at ``index`` brought about; its headers are that row's, unless given."""
        if headers is None and rows.headers is not None:
            headers = rows.headers[index]
        if headers:
            if self._headers is None:
                self._headers = [()] * len(self._keys)
            self._headers.append(headers)
        elif self._headers is not None:
            self._headers.append(())
        if self._olds is not None:
            self._olds.append(old)
        self._keys.append(key)
        self._values.append(value)
        self._timestamps.append(timestamp)
        self._orders.append(rows.orders[index])

    def rows(self) -> Rows | None:
        """All of them; None where there are none."""
        if not self._keys:
            return None
        return Rows(self._keys, self._values, self._timestamps, self._orders, self._headers, olds=self._olds)


class TwoSided(Operator):
    """An operator of two inputs, which takes the rows of both one by one, by their orders."""

    is_table: bool = False
    """Whether its results are updates of a table."""

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        """What the rows of both sides lead to; of equal orders, the left one's turn is first."""
        joined = Joined(table=self.is_table)
        left, right = inputs[LEFT], inputs[RIGHT]
        if right is None:
            assert left is not None
            self._take(left, 0, len(left), LEFT, joined)
        elif left is None:
            self._take(right, 0, len(right), RIGHT, joined)
        else:
            self._take_both(left, right, joined)
        return joined.rows()

    def take(self, rows: Rows, index: int, side: int, joined: Joined) -> None:
        """Handle one row of a side."""

    def _take_both(self, left: Rows, right: Rows, joined: Joined) -> None:
        at_left, at_right = 0, 0
        while at_left < len(left) and at_right < len(right):
            if left.orders[at_left] <= right.orders[at_right]:
                self._take(left, at_left, at_left + 1, LEFT, joined)
                at_left += 1
            else:
                self._take(right, at_right, at_right + 1, RIGHT, joined)
                at_right += 1
        self._take(left, at_left, len(left), LEFT, joined)
        self._take(right, at_right, len(right), RIGHT, joined)

    def _take(self, rows: Rows, start: int, stop: int, side: int, joined: Joined) -> None:
        index = start
        try:
            for index in range(start, stop):
                self.take(rows, index, side, joined)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
