"""``LateRows``: rows that came after their window had closed, on their way to who wants to see them.

Owns: what they are sent on as, and the marks that keep them apart from a table's updates.
Must not know: which windows there are.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any, Final

from streamz_core.streams.rows import Rows, merge
from streamz_core.streams.windowed_key import Window, Windowed

TAKEN: Final = "taken"
"""The mark of a table's updates."""
WINDOW_START: Final = "window-start"
WINDOW_END: Final = "window-end"
"""Headers of late rows: the window they missed, in milliseconds."""
LATE: Final = "late"
"""The mark of rows that came too late."""


class LateRows:
    """The late rows among those in hand; the key of each is windowed by what it missed."""

    def __init__(self) -> None:
        """Start empty."""
        self._found = _no_rows()

    def add(self, rows: Rows, index: int, window: Window) -> None:
        """The row at ``index`` missed ``window``."""
        found = self._found
        found.keys.append(Windowed(rows.keys[index], window))
        found.values.append(rows.values[index])
        found.timestamps.append(rows.timestamps[index])
        found.orders.append(rows.orders[index])
        assert found.headers is not None
        own = () if rows.headers is None else rows.headers[index]
        found.headers.append((*own, (WINDOW_START, b"%d" % window.start), (WINDOW_END, b"%d" % window.end)))

    def beside(self, updates: Rows | None) -> Rows | None:
        """``updates`` and the late rows, marked; the next ones are collected anew."""
        late, self._found = self._found, _no_rows()
        late.marks = _marks(LATE, len(late))
        if updates is None:
            return late if len(late) else None
        updates.marks = _marks(TAKEN, len(updates))
        return merge([updates, late]) if len(late) else updates


def _no_rows() -> Rows:
    return Rows([], [], [], [], [])


def _marks(mark: str, count: int) -> list[Any]:
    return [mark] * count
