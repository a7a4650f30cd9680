"""``Steps``: the operators of a graph, run one after the other over the rows in hand.

Owns: which operator gets which rows, in which order.
Must not know: tasks, commits, where rows come from.

All rows in hand pass one operator before the next one has its turn. What an operator sees is the same as if
every row had gone all the way alone, to its end on one way before it goes the next way: rows that come to an
operator over several ways are merged by their order, of one row first those of the way that is named first.
Where that is not enough, rows do go all the way alone; ``plan`` tells.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.rows import Rows, joined_rows, merge

FIRST_HELD_ORDER: Final = -(1 << 40)


class Step:
    """An operator, the rows that wait for it, and who gets what it makes of them."""

    def __init__(self, operator: Operator | None, ways: list[int], *, routes: bool = False) -> None:
        """``ways[port]`` is how many ways lead to a port. A source has no operator.

        ``routes``: rows may be marked with the name of the only target they are for.
        """
        self.operator: Final = operator
        self.routes: Final = routes
        self.waiting: list[list[Rows | None]] = [[None] * count for count in ways]
        self.is_waited_for = False
        self.targets: list[Target] = []

    def take(self, port: int, way: int, rows: Rows) -> None:
        """Have ``rows`` wait for this step's turn."""
        before = self.waiting[port][way]
        self.waiting[port][way] = rows if before is None else joined_rows([before, rows])
        self.is_waited_for = True

    def run(self) -> Rows | None:
        """Let the operator handle what waits."""
        assert self.operator is not None
        return self.operator.process_ports(self.take_waiting())

    def take_waiting(self) -> list[Rows | None]:
        """What waits, by input; nothing does any more."""
        self.is_waited_for = False
        inputs: list[Rows | None] = []
        for ways in self.waiting:
            parts = [rows for rows in ways if rows is not None]
            inputs.append(merge(parts) if parts else None)
            for way in range(len(ways)):
                ways[way] = None
        return inputs

    def deliver(self, rows: Rows) -> None:
        """Hand rows to all targets; they share them, and change nothing."""
        for target in self.targets:
            self.hand(target, rows)

    def hand(self, target: Target, rows: Rows) -> bool:
        """Hand a target those rows that are for it; whether there are any."""
        found = rows if rows.marks is None or not self.routes else _routed(rows, target.name)
        if found is None:
            return False
        target.step.take(target.port, target.way, found)
        return True


class Target:
    """A place where a step's rows go."""

    def __init__(self, name: str, step: Step, port: int, way: int) -> None:
        """``name`` is the step's; ``way`` is which of the ways to the port this is."""
        self.name: Final = name
        self.step: Final = step
        self.port: Final = port
        self.way: Final = way


class Steps:
    """All steps of one graph in one task. Every step stands behind those it gets rows from."""

    def __init__(self, sources: list[Step], steps: list[Step], deep: list[bool]) -> None:
        """``sources`` only deliver. The rows of a source that is ``deep`` go all the way alone."""
        self.sources: Final = sources
        self.steps: Final = steps
        self.deep: Final = deep
        self._is_deep = any(deep)
        self._held_order: i64 = 0

    def open(self, context: OperatorContext) -> None:
        """Open every operator."""
        for step in self.steps:
            assert step.operator is not None
            step.operator.open(context)

    def push(self, rows: list[tuple[int, Rows]]) -> None:
        """Send rows, by the number of their source, all the way: one operator after the other.

        Those of a deep source come without others, and go one row after the other.
        """
        for source, of_source in rows:
            if self.deep[source]:
                _deep(self.sources[source], of_source)
            else:
                self.sources[source].deliver(of_source)
        self._run()

    def flush(self) -> None:
        """Send on what operators held back for the commit; the orders of these rows are below zero."""
        self._held_order = FIRST_HELD_ORDER
        for step in self.steps:
            assert step.operator is not None
            self._catch_up(step)
            self._send_held(step, step.operator.flush())

    def punctuate(self, now_ms: int) -> None:
        """Send on what the passing of time makes of it; the orders of these rows are below zero."""
        self._held_order = FIRST_HELD_ORDER
        for step in self.steps:
            assert step.operator is not None
            self._catch_up(step)
            self._send_held(step, step.operator.punctuate(now_ms))

    def close(self) -> None:
        """Close every operator, the last one first."""
        for step in reversed(self.steps):
            assert step.operator is not None
            step.operator.close()

    def _run(self) -> None:
        for step in self.steps:
            self._catch_up(step)

    def _catch_up(self, step: Step) -> None:
        if step.is_waited_for:
            made = step.run()
            if made is not None and len(made):
                step.deliver(made)

    def _send_held(self, step: Step, held: Rows | None) -> None:
        if held is None or not len(held):
            return
        first = self._held_order
        self._held_order += len(held)
        held.orders = [first + index for index in range(len(held))]
        if self._is_deep:
            _deep(step, held)
        else:
            step.deliver(held)


def _deep(giver: Step, rows: Rows) -> None:
    for index in range(len(rows)):
        row = rows if len(rows) == 1 else rows.pick([index])
        for target in giver.targets:
            if not giver.hand(target, row):
                continue
            made = target.step.run()
            if made is not None and len(made):
                _deep(target.step, made)


def _routed(rows: Rows, name: str) -> Rows | None:
    """The rows that are for all, or for the target of this name; without marks."""
    marks = rows.marks
    assert marks is not None
    chosen = [index for index in range(len(marks)) if marks[index] is None or marks[index] == name]
    if not chosen:
        return None
    found = rows.pick(chosen)
    found.marks = None
    return found
