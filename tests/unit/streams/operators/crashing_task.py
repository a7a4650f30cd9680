"""A task that commits, and crashes, between rows.

Owns: which rows an operator is given again after a crash, and what was committed of its output.
Must not know: which operator and stores it has: subclasses start and commit them.
"""

from __future__ import annotations

from typing import Any

from streamz_core.streams.operator import Operator
from streamz_core.streams.rows import Rows
from tests.unit.streams.operators.recomputed import Row, Table


class CrashingTask:
    """Runs an operator over rows, with commits and crashes in between; keeps what was committed of its output."""

    operator: Operator

    def __init__(self) -> None:
        """Start."""
        self.committed: list[tuple[Any, Any, Any]] = []
        self._outputs: list[tuple[Any, Any, Any]] = []
        self._restart()

    def start(self) -> None:
        """Make the operator anew, with stores as they were committed."""
        raise AssertionError("a task says how it starts")

    def commit_stores(self) -> None:
        """Commit the stores; the operator is flushed."""
        raise AssertionError("a task says how it commits")

    def run(self, given_rows: list[Row], plan: list[tuple[int, str]]) -> None:
        """Handle the rows by pieces; each ends in a commit, a crash or nothing."""
        done = position = 0
        for count, what in [*plan, (len(given_rows), "commit")]:
            piece = given_rows[position : position + count]
            self._take(self.operator.process(_columns(piece)) if piece else None)
            position += len(piece)
            if what == "commit":
                self._commit()
                done = position
            elif what == "crash":
                self._restart()
                position = done

    def table(self) -> Table:
        """What the committed updates come to; each must replace what was there."""
        found: Table = {}
        for key, old, new in self.committed:
            place = (key.key, key.window.start, key.window.end)
            assert found.get(place) == old
            if new is None:
                del found[place]
            else:
                found[place] = new
        return found

    def _restart(self) -> None:
        self.start()
        self._outputs = []

    def _commit(self) -> None:
        self._take(self.operator.flush())
        self.commit_stores()
        self.committed += self._outputs
        self._outputs = []

    def _take(self, made: Rows | None) -> None:
        if made is not None:
            assert made.olds is not None
            self._outputs += zip(made.keys, made.olds, made.values, strict=True)


def _columns(piece: list[Row]) -> Rows:
    keys, values, timestamps = (list(column) for column in zip(*piece, strict=True))
    return Rows(keys, values, timestamps, list(range(len(piece))))
