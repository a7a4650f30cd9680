"""``TimeWindowedCogroupedKStream`` and ``SessionWindowedCogroupedKStream``: several grouped streams, in windows.

Owns: aggregating them into one windowed table.
Must not know: how windows are kept and closed, when results are sent on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamz_core.streams.dsl.in_windows import InWindows
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import user_function
from streamz_core.streams.dsl.window_shapes import Aggregation
from streamz_core.streams.operators.co_aggregate import CoAggregate, by_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.ktable import KTable
    from streamz_core.streams.dsl.options import Materialized, Named
    from streamz_core.streams.dsl.windowed_stream import Grouping
    from streamz_core.streams.operator import Operator

K = TypeVar("K")
A = TypeVar("A")
Members = dict["Grouping", "Callable[[Any, Any, Any], Any]"]
"""Grouped streams, each with its aggregator."""


class WindowedCogroupedKStream(InWindows[Members, Any], Generic[K, A]):
    """What both have in common. All streams make one time pass: what is late is late by the newest of them all."""

    def _streams(self) -> list[KStream[Any, Any]]:
        return [grouped.stream for grouped in self._grouped]

    def _graph(self) -> GraphBuilder:
        return next(iter(self._grouped)).graph

    def _operator(self, aggregation: Operator) -> Operator:
        return CoAggregate(aggregation.name, aggregation, takes_none=self._shape.takes_none)

    def _aggregator(self) -> Callable[[Any, Any, Any], Any]:
        return by_port(list(self._grouped.values()))


class TimeWindowedCogroupedKStream(WindowedCogroupedKStream[K, A]):
    """Cogrouped streams in windows of which a record tells by its time alone, or by a time difference."""

    def aggregate(
        self,
        initializer: Callable[[], A],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[Any, A]:
        """One aggregate a key and window, of all the streams' records, beginning with ``initializer()``."""
        user_function(initializer, "aggregate(): the initializer", ())
        aggregation = Aggregation(initializer, self._aggregator())
        kind = "COGROUPKSTREAM-AGGREGATE"
        return self._aggregate(
            aggregation, Serde(value_type), materialized, named, what="aggregate()", kind=kind
        )


class SessionWindowedCogroupedKStream(WindowedCogroupedKStream[K, A]):
    """Cogrouped streams in sessions: a session is of the records of all of them."""

    def aggregate(
        self,
        initializer: Callable[[], A],
        merger: Callable[[K, A, A], A],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[Any, A]:
        """One aggregate a session, of all the streams' records; ``merger(key, one, other)`` joins two sessions.

        A record's session begins with ``initializer()``, merged with the sessions it joins, oldest first.
        """
        user_function(initializer, "aggregate(): the initializer", ())
        user_function(merger, "aggregate(): the merger", ("key", "one", "other"))
        aggregation = Aggregation(initializer, self._aggregator(), merger)
        kind = "COGROUPKSTREAM-AGGREGATE"
        return self._aggregate(
            aggregation, Serde(value_type), materialized, named, what="aggregate()", kind=kind
        )
