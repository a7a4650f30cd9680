"""What the tests of operators with a left and a right side share: rows under disorder, and a join that is cut short.

Owns: ``Row``, strategies for rows and for cuts, ``JoinTask``. Must not know: which join it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from streamz_core.streams.operator import Operator
from streamz_core.streams.rows import Rows

LEFT, RIGHT = 0, 1
HOWS = st.sampled_from(("inner", "left", "outer"))

Made = tuple[Any, Any, int]
"""Key, (left value, right value), timestamp."""

CUTS = st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8)
"""After how many rows each time a commit comes, and whether the first attempt at these rows fails."""


@dataclass(frozen=True)
class Row:
    side: int
    key: str | None
    time: int
    value: str | None


@st.composite
def streams(draw: st.DrawFn, again: str | None = None) -> list[Row]:
    """Rows of both sides, some of them late, some without key or value; ``again`` is a value that comes again."""
    now = 0
    rows: list[Row] = []
    for number in range(draw(st.integers(1, 25))):
        now += draw(st.integers(0, 4))
        late = draw(st.sampled_from((0, 0, 0, 1, 3, 8)))
        rows.append(
            Row(
                draw(st.sampled_from((LEFT, RIGHT))),
                draw(st.sampled_from(("a", "a", "b", None))),
                max(0, now - late),
                draw(st.sampled_from((f"v{number}", f"v{number}", again or f"v{number}", None))),
            )
        )
    return rows


class JoinTask(ABC):
    """A join over stores that outlive it: the context of its operator."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        """As after a failure: all that was not committed is gone."""
        self._join = self.make_join()
        self._join.open(self)  # type: ignore[arg-type]

    @abstractmethod
    def make_join(self) -> Operator:
        """The operator and its stores, anew over what was committed."""

    @abstractmethod
    def store(self, name: str) -> Any:
        """As the operator asks for it."""

    @abstractmethod
    def commit(self) -> None: ...

    def take(self, rows: list[Row]) -> list[Made]:
        """One by one."""
        found: list[Made] = []
        for row in rows:
            given = Rows([row.key], [row.value], [row.time], [0])
            made = self._join.process_ports([given, None] if row.side == LEFT else [None, given])
            if made is not None:
                found += zip(made.keys, made.values, made.timestamps, strict=True)
        return found

    def take_in_pieces(self, rows: list[Row], cuts: list[tuple[int, bool]]) -> list[Made]:
        """With a commit after each piece, and failures before some."""
        found: list[Made] = []
        start = 0
        for length, fails in [*cuts, (len(rows), False)]:
            piece = rows[start : start + length]
            if fails:
                self.take(piece)
                self.open()
            found += self.take(piece)
            self.commit()
            start += length
        return found


def commit_store(store: Any) -> None:
    """As the task does it once the changelog is durable."""
    changes = store.collect()
    store.committed(max(0, store.position()) + len(changes))
