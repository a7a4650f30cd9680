"""``CoAggregate``: several streams aggregated into one table.

Owns: which stream's aggregator a row is for.
Must not know: how aggregates are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from streamz_core.streams.operators.aggregate import Aggregate
from streamz_core.streams.rows import Rows, merge


class CoAggregate(Aggregate):
    """Each input has its aggregator; rows of all come in their order."""

    def __init__(
        self,
        name: str,
        store: str,
        aggregators: Sequence[Callable[[Any, Any, Any], Any]],
        initializer: Callable[[], Any],
        *,
        caching: bool = True,
    ) -> None:
        """``aggregators[port]`` is for the rows of that input."""

        def aggregate(key: Any, tagged: tuple[int, Any], total: Any) -> Any:
            return aggregators[tagged[0]](key, tagged[1], total)

        super().__init__(name, store, aggregate, initializer, caching=caching)

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        """The updates, or nothing where they wait for the commit."""
        tagged = [tag(rows, port) for port, rows in enumerate(inputs) if rows is not None]
        return self.process(merge(tagged)) if tagged else None


def tag(rows: Rows, port: int) -> Rows:
    """The rows with values that say which input they came by; no value stays none."""
    return rows.with_values([None if value is None else (port, value) for value in rows.values])
