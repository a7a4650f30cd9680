"""``TimeWindowedKStream`` and ``SessionWindowedKStream``: a grouped stream, in windows.

Owns: aggregations into windowed tables, when their results are sent on, and where late records go.
Must not know: how windows are kept and closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, Self, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.aggregations import combined
from streamz_core.streams.dsl.emit_strategy import CloseStrategy, EmitStrategy
from streamz_core.streams.dsl.ktable import KTable, known
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.suppressed import Windowing, limited
from streamz_core.streams.dsl.window_shapes import Aggregation, Emission, shape_of
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.late_rows import LATE, TAKEN
from streamz_core.streams.operators.stateless import Branch

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.aggregations import Aggregate
    from streamz_core.streams.dsl.kstream import KStream

K = TypeVar("K")
V = TypeVar("V")


class Grouping(Protocol):
    """A grouped stream, as windows see it."""

    @property
    def stream(self) -> KStream[Any, Any]:
        """The records, each in the partition of its key."""

    @property
    def value(self) -> Serde:
        """What is known of the values."""


@dataclass(frozen=True, slots=True)
class Ways:
    """When results are sent on, when windows close, and where late records go."""

    emit: EmitStrategy = field(default_factory=EmitStrategy.on_window_update)
    close: CloseStrategy = field(default_factory=CloseStrategy.stream_time)
    late: str | Callable[[KStream[Any, Any]], Any] | None = None


class WindowedKStream(Generic[K, V]):
    """What all windowed streams have in common. The keys of the resulting tables are ``Windowed``."""

    def __init__(self, grouped: Grouping, windows: Any, ways: Ways | None = None) -> None:
        """Made by ``KGroupedStream.windowed_by``."""
        self._grouped: Final = grouped
        self._windows: Final = windows
        self._shape: Final = shape_of(windows)
        self._ways: Final = Ways() if ways is None else ways

    def emit_strategy(self, emit: EmitStrategy) -> Self:
        """The same, with results sent on as ``emit`` says."""
        return self._with(replace(self._ways, emit=emit))

    def close_strategy(self, close: CloseStrategy) -> Self:
        """The same, with windows that also close when no records come, as ``close`` says."""
        return self._with(replace(self._ways, close=close))

    def late_to(self, late: str | Callable[[KStream[Any, V]], Any]) -> Self:
        """The same, with a way out for records that come after their window has closed.

        A topic gets them as they came, with the window they missed in the headers ``window-start`` and
        ``window-end``. A function is called with a stream of them, whose keys are windowed by that window.
        """
        return self._with(replace(self._ways, late=late))

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

    def _with(self, ways: Ways) -> Self:
        return type(self)(self._grouped, self._windows, ways)

    def _aggregate(
        self,
        aggregation: Aggregation,
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
        stream, shape, ways = self._grouped.stream, self._shape, self._ways
        graph = stream.graph
        name = graph.step(kind, named)
        key, value = known(chosen.key, stream.key), known(chosen.value, value)
        codecs = graph.codecs
        key_codec = codecs.own_key(key, f"key of store {chosen.name!r}")
        value_codec = codecs.own_value(value, f"value of store {chosen.name!r}")
        store = graph.store(shape.store(chosen.name, key_codec, value_codec, chosen))

        def make(*, final: bool) -> Any:
            emission = Emission(chosen.caching, final, ways.late is not None, ways.close)
            return shape.operator(name, store, aggregation, emission)

        graph.add(
            name,
            (Input(stream.node),),
            lambda: make(final=ways.emit.is_final),
            (StoreUse(store, writes=True),),
            fans_out=True,
        )
        if shape.closes_with_final:
            graph.can_be_final(name, lambda: make(final=True))
        windowed = key._replace(wrap=shape.key_codec)
        node = name if ways.late is None else self._without_late(name, key, windowed)
        table: KTable[Any, Any] = KTable(
            graph,
            node,
            windowed,
            value,
            view=shape.view(store),
            store=store,
            windowing=Windowing(name, f"{name}-late", shape.closes_after_ms, ways.close),
        )
        every_ms = ways.emit.every_ms
        return table if every_ms is None else limited(table, every_ms, f"{store}-every")

    def _without_late(self, name: str, key: Serde, windowed: Serde) -> str:
        """Part the late rows from the table's updates; the node of the latter."""
        from streamz_core.streams.dsl.kstream import KStream

        stream = self._grouped.stream
        graph = stream.graph
        taken, late = f"{name}-taken", f"{name}-late"
        graph.add(taken, (Input(name),), lambda: Branch(taken, TAKEN))
        graph.add(late, (Input(name),), lambda: Branch(late, LATE))
        rows: KStream[Any, V] = KStream(graph, late, windowed, self._grouped.value)
        topic = self._ways.late
        if not isinstance(topic, str):
            assert topic is not None
            topic(rows)
            return taken
        unwindowed = rows.select_key(lambda windowed_key, _value: windowed_key.key)
        KStream(graph, unwindowed.node, key, self._grouped.value).to(topic)
        return taken


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
        aggregation = Aggregation(initializer, aggregator, merger)
        return self._aggregate(aggregation, Serde(value_type), materialized, named, what="aggregate()")

    def _reducing(self, reducer: Callable[[V, V], V]) -> Aggregation:
        def added(_key: K, value: V, reduced: V | None) -> V:
            return value if reduced is None else reducer(reduced, value)

        def merged(_key: K, one: V | None, other: V) -> V:
            return other if one is None else reducer(one, other)

        return Aggregation(None, added, merged)
