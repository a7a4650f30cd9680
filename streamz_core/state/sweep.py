"""``Sweep``: walks a store some rows at a time, to find what has ended.

Owns: where the walk is, how many rows are looked at, and when there is nothing to look for.
Must not know: what the rows are, how they end.

A commit looks at a bounded number of rows, more where much is written: so what has ended is found before as
many entries are written as the store holds, and no commit takes long.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamz_core.state.store import Store

ROWS_MIN: Final = 1_000
"""Rows looked at in a commit at least: about a millisecond."""
ROWS_PER_CHANGE: Final = 2
_NOT_KNOWN: Final = -(2**63)
_NEVER: Final = 2**63


class Sweep:
    """Goes round and round over a part of a store, as long as something in it may have ended."""

    def __init__(self, store: Store, lower: bytes, upper: bytes | None) -> None:
        """The part is from ``lower`` to before ``upper``."""
        self._store = store
        self._lower = lower
        self._upper = upper
        self.restart()

    def restart(self) -> None:
        """Begin anew, and know nothing."""
        self._cursor = self._lower
        self._earliest_ms = _NOT_KNOWN
        self._written_ms = _NEVER
        self._written_count = 0

    def written(self, ends_ms: int) -> None:
        """An entry was written that ends at this time; the store may not have it before the next commit."""
        self._written_count += 1
        self._written_ms = min(self._written_ms, ends_ms)

    def stays(self, ends_ms: int) -> None:
        """An entry that was looked at ends at this time, and not yet."""
        self._earliest_ms = min(self._earliest_ms, ends_ms)

    def portion(self, now_ms: int) -> list[tuple[bytes, bytes]]:
        """The next rows; none where nothing has ended. Tell ``stays`` of those that have not."""
        written, self._written_count = self._written_count, 0
        if self._cursor == self._lower:
            if now_ms < min(self._earliest_ms, self._written_ms):
                return []
            # This round finds what the store has now; what was written just before is for the next one.
            self._earliest_ms, self._written_ms = self._written_ms, _NEVER
        rows_max = max(ROWS_MIN, ROWS_PER_CHANGE * written)
        rows = list(islice(self._store.scan(self._cursor, self._upper), rows_max))
        self._cursor = self._lower if len(rows) < rows_max else rows[-1][0] + b"\x00"
        return rows
