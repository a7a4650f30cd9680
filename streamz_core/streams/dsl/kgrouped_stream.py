"""``KGroupedStream``: a stream whose records are taken together by key.

Owns: aggregations into tables.
Must not know: windows, how aggregates are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.aggregations import combined
from streamz_core.streams.dsl.cogrouped_stream import CogroupedKStream
from streamz_core.streams.dsl.count_windows import CountWindowedKStream, CountWindows
from streamz_core.streams.dsl.ktable import KTable, key_value_store, known
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import aggregating_function, reducing_function, user_function
from streamz_core.streams.dsl.windowed_stream import SessionWindowedKStream, TimeWindowedKStream
from streamz_core.streams.dsl.windows import SessionWindows
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.aggregate import Aggregate
from streamz_core.streams.operators.view import TableView

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl import aggregations
    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.windows import SlidingWindows, Windows

K = TypeVar("K")
V = TypeVar("V")


class KGroupedStream(Generic[K, V]):
    """Made by ``KStream.group_by_key`` and ``group_by``. Aggregations need a name: that of their store."""

    def __init__(self, stream: KStream[K, V], name: str | None) -> None:
        """``name`` is that of the internal topic, should one be needed."""
        self._ungrouped = stream
        self._name = name
        self._dealt: KStream[K, V] | None = None

    @property
    def graph(self) -> GraphBuilder:
        """The graph it is of."""
        return self._ungrouped.graph

    @property
    def stream(self) -> KStream[K, V]:
        """The records, each in the partition of its key; several aggregations share the topic in between."""
        if self._dealt is None:
            self._dealt = self._ungrouped.partitioned(self._name, "a group")
        return self._dealt

    @property
    def value(self) -> Serde:
        """What is known of the values."""
        return self._ungrouped.value

    @overload
    def windowed_by(self, windows: SessionWindows) -> SessionWindowedKStream[K, V]: ...

    @overload
    def windowed_by(self, windows: CountWindows) -> CountWindowedKStream[K, V]: ...

    @overload
    def windowed_by(self, windows: Windows | SlidingWindows) -> TimeWindowedKStream[K, V]: ...

    def windowed_by(
        self, windows: Windows | SlidingWindows | SessionWindows | CountWindows
    ) -> TimeWindowedKStream[K, V] | SessionWindowedKStream[K, V] | CountWindowedKStream[K, V]:
        """The same records, in windows: of time, of sessions, of counts, or of a class of one's own."""
        if isinstance(windows, CountWindows):
            return CountWindowedKStream(self, windows)
        if isinstance(windows, SessionWindows):
            return SessionWindowedKStream(self, windows)
        return TimeWindowedKStream(self, windows)

    def agg(
        self,
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        **aggregates: aggregations.Aggregate,
    ) -> KTable[K, dict[str, Any]]:
        """Several aggregates at once, by name: ``agg("stats", total=Sum("amount"), n=Count())``.

        The table's values are dictionaries of their results.
        """
        how = combined(aggregates)
        table = self._aggregate(how.initial, how.add, Serde(), materialized, named, what="agg()")
        return table.map_values(how.results)

    def cogroup(self, aggregator: Callable[[K, V, Any], Any]) -> CogroupedKStream[K, Any]:
        """Begin an aggregate of several grouped streams, this one by ``aggregator(key, value, aggregate)``."""
        return CogroupedKStream({self: aggregating_function(aggregator, "cogroup()")})

    def count(
        self, materialized: Materialized | str | None = None, named: Named | str | None = None
    ) -> KTable[K, int]:
        """How many records each key has had."""
        return self._aggregate(
            lambda: 0, lambda _key, _value, count: count + 1, Serde(int), materialized, named, what="count()"
        )

    def reduce(
        self,
        reducer: Callable[[V, V], V],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KTable[K, V]:
        """``reducer(reduced, value)``; the first value of a key is its first result."""
        reducing_function(reducer, "reduce()")
        return self._aggregate(
            None,
            lambda _key, value, reduced: reducer(reduced, value),
            self._ungrouped.value,
            materialized,
            named,
            what="reduce()",
            kind="KSTREAM-REDUCE",
        )

    def aggregate(
        self,
        initializer: Callable[[], Any],
        aggregator: Callable[[K, V, Any], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[K, Any]:
        """``aggregator(key, value, aggregate)``, beginning with ``initializer()``; None deletes the key."""
        user_function(initializer, "aggregate(): the initializer", ())
        aggregating_function(aggregator, "aggregate(): the aggregator")
        return self._aggregate(
            initializer, aggregator, Serde(value_type), materialized, named, what="aggregate()"
        )

    def _aggregate(
        self,
        initializer: Callable[[], Any] | None,
        aggregator: Callable[[Any, Any, Any], Any],
        value: Serde,
        materialized: Materialized | str | None,
        named: Named | str | None,
        *,
        what: str,
        kind: str = "KSTREAM-AGGREGATE",
    ) -> KTable[Any, Any]:
        chosen = option(Materialized, materialized)
        if chosen.name is None:
            raise Misuse(f"{what} keeps a store, and needs its name: {what[:-1]}Materialized.as_('…'))")
        graph = self.graph
        name, stream = graph.step(kind, named), self.stream
        key_serde, value_serde = known(chosen.key, stream.key), known(chosen.value, value)
        store = key_value_store(graph, chosen, key_serde, value_serde, what)
        caching = chosen.caching
        graph.add(
            name,
            (Input(stream.node),),
            lambda: Aggregate(name, store, aggregator, initializer, caching=caching),
            (StoreUse(store, writes=True),),
        )
        return KTable(graph, name, key_serde, value_serde, view=TableView(store), store=store)
