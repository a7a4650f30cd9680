"""``TimeWindowedKStream`` and ``SessionWindowedKStream``: a grouped stream, in windows.

Owns: the aggregations of one stream into windowed tables.
Must not know: how windows are kept and closed, when results are sent on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from streamz_core.streams.dsl.aggregations import combined
from streamz_core.streams.dsl.in_windows import InWindows
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import aggregating_function, reducing_function, user_function
from streamz_core.streams.dsl.window_shapes import Aggregation

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.aggregations import Aggregate
    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.ktable import KTable
    from streamz_core.streams.dsl.options import Materialized, Named

K = TypeVar("K")
V = TypeVar("V")


class Grouping(Protocol):
    """A grouped stream, as windows see it."""

    @property
    def graph(self) -> GraphBuilder:
        """The graph it is of."""

    @property
    def stream(self) -> KStream[Any, Any]:
        """The records, each in the partition of its key."""

    @property
    def value(self) -> Serde:
        """What is known of the values."""


class WindowedKStream(InWindows[Grouping, V], Generic[K, V]):
    """What all windowed streams have in common."""

    def count(
        self, materialized: Materialized | str | None = None, named: Named | str | None = None
    ) -> KTable[Any, int]:
        """How many records each key has in each window."""
        counting = Aggregation(
            lambda: 0,
            lambda _key, _value, count: count + 1,
            lambda _key, one, other: one + other,
            is_count=True,
        )
        return self._aggregate(counting, Serde(int), materialized, named, what="count()")

    def reduce(
        self,
        reducer: Callable[[V, V], V],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KTable[Any, V]:
        """``reducer(reduced, value)``; the first value of a key and window is its first result."""
        reducing_function(reducer, "reduce()")
        kind = "KSTREAM-REDUCE"
        value = self._grouped.value
        return self._aggregate(
            self._reducing(reducer), value, materialized, named, what="reduce()", kind=kind
        )

    def agg(
        self,
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        **aggregates: Aggregate,
    ) -> KTable[Any, dict[str, Any]]:
        """Several aggregates at once, by name: ``agg("stats", total=Sum("amount"), n=Count())``.

        The table's values are dictionaries of their results.
        """
        how = combined(aggregates)
        aggregation = Aggregation(how.initial, how.add, how.merged)
        table = self._aggregate(aggregation, Serde(), materialized, named, what="agg()")
        return table.map_values(how.results)

    def _reducing(self, reducer: Callable[[V, V], V]) -> Aggregation:
        return Aggregation(None, lambda _key, value, reduced: reducer(reduced, value))

    def _streams(self) -> list[KStream[Any, Any]]:
        return [self._grouped.stream]

    def _graph(self) -> GraphBuilder:
        return self._grouped.graph

    def _late_value(self) -> Serde:
        return self._grouped.value


class TimeWindowedKStream(WindowedKStream[K, V]):
    """A stream in windows of which a record tells by its time alone, or by a time difference."""

    def aggregate(
        self,
        initializer: Callable[[], Any],
        aggregator: Callable[[K, V, Any], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[Any, Any]:
        """``aggregator(key, value, aggregate)``, beginning with ``initializer()``; None deletes."""
        user_function(initializer, "aggregate(): the initializer", ())
        aggregating_function(aggregator, "aggregate(): the aggregator")
        aggregation = Aggregation(initializer, aggregator)
        return self._aggregate(aggregation, Serde(value_type), materialized, named, what="aggregate()")


class SessionWindowedKStream(WindowedKStream[K, V]):
    """A stream in sessions."""

    def aggregate(
        self,
        initializer: Callable[[], Any],
        aggregator: Callable[[K, V, Any], Any],
        merger: Callable[[K, Any, Any], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[Any, Any]:
        """``aggregator(key, value, aggregate)``, where ``merger(key, one, other)`` joins those of two sessions.

        A record's session begins with ``initializer()``, merged with the sessions it joins, oldest first.
        """
        user_function(initializer, "aggregate(): the initializer", ())
        aggregating_function(aggregator, "aggregate(): the aggregator")
        user_function(merger, "aggregate(): the merger", ("key", "one", "other"))
        aggregation = Aggregation(initializer, aggregator, merger)
        return self._aggregate(aggregation, Serde(value_type), materialized, named, what="aggregate()")

    def _reducing(self, reducer: Callable[[V, V], V]) -> Aggregation:
        def added(_key: K, value: V, reduced: V | None) -> V:
            return value if reduced is None else reducer(reduced, value)

        def merged(_key: K, one: V | None, other: V) -> V:
            return other if one is None else reducer(one, other)

        return Aggregation(None, added, merged)
