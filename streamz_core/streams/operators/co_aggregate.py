"""``CoAggregate``: several streams aggregated into one table.

Owns: which stream's aggregator a row is for.
Must not know: how aggregates are kept, which windows there are.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.late_rows import LATE
from streamz_core.streams.rows import Rows, merge


def by_port(aggregators: Sequence[Callable[[Any, Any, Any], Any]]) -> Callable[[Any, Any, Any], Any]:
    """One aggregator of several: ``aggregators[port]`` is for the rows of that input."""

    def aggregate(key: Any, tagged: tuple[int, Any], total: Any) -> Any:
        return aggregators[tagged[0]](key, tagged[1], total)

    return aggregate


class CoAggregate(Operator):
    """An aggregation with several inputs; rows of all come in their order, and make one time pass."""

    def __init__(self, name: str, aggregation: Operator, *, takes_none: bool = False) -> None:
        """``aggregation`` has an aggregator that ``by_port`` made; ``takes_none``: rows without value count."""
        super().__init__(name)
        self._aggregation = aggregation
        self._takes_none = takes_none

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._aggregation.open(context)

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        """The updates, or nothing where they wait for the commit."""
        tagged = [self._tag(rows, port) for port, rows in enumerate(inputs) if rows is not None]
        return _late_untagged(self._aggregation.process(merge(tagged))) if tagged else None

    def flush(self) -> Rows | None:
        """What was held back."""
        return _late_untagged(self._aggregation.flush())

    def punctuate(self, now_ms: int) -> Rows | None:
        """Let time pass where no rows do."""
        return self._aggregation.punctuate(now_ms)

    def close(self) -> None:
        """Let go of everything."""
        self._aggregation.close()

    def _tag(self, rows: Rows, port: int) -> Rows:
        """The rows with values that say which input they came by."""
        if self._takes_none:
            return rows.with_values([(port, value) for value in rows.values])
        return rows.with_values([None if value is None else (port, value) for value in rows.values])


def _late_untagged(rows: Rows | None) -> Rows | None:
    """Late rows go on as they came."""
    if rows is None or rows.marks is None:
        return rows
    values = [
        value[1] if mark == LATE else value for value, mark in zip(rows.values, rows.marks, strict=True)
    ]
    return rows.with_olds(values, rows.olds)
