"""``InWindows``: what all grouped streams in windows have in common.

Owns: the step that aggregates into a windowed table, when its results are sent on, and where late records go.
Must not know: which aggregations there are, how many streams are aggregated, how windows are kept and closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.emit_strategy import CloseStrategy, EmitStrategy
from streamz_core.streams.dsl.ktable import KTable, known
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import UNKNOWN, Serde
from streamz_core.streams.dsl.suppressed import Windowing, limited
from streamz_core.streams.dsl.user_function import user_function
from streamz_core.streams.dsl.window_shapes import Aggregation, Emission, shape_of
from streamz_core.streams.dsl.windows import UnlimitedWindows
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.key_times import key_times_store
from streamz_core.streams.operators.late_rows import LATE, TAKEN
from streamz_core.streams.operators.stateless import Branch

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.operator import Operator

G = TypeVar("G")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ways:
    """When results are sent on, when windows close, and where late records go."""

    emit: EmitStrategy = field(default_factory=EmitStrategy.on_window_update)
    close: CloseStrategy = field(default_factory=CloseStrategy.stream_time)
    late: str | Callable[[KStream[Any, Any]], Any] | None = None


class InWindows(Generic[G, V]):
    """One grouped stream or several, in windows. The keys of the resulting tables are ``Windowed``."""

    def __init__(self, grouped: G, windows: Any, ways: Ways | None = None) -> None:
        """Made by ``windowed_by``."""
        self._grouped: Final = grouped
        self._windows: Final = windows
        self._shape: Final = shape_of(windows)
        self._ways: Final = Ways() if ways is None else ways

    def emit_strategy(self, emit: EmitStrategy) -> Self:
        """The same, with results sent on as ``emit`` says."""
        if not isinstance(emit, EmitStrategy):
            raise Misuse(
                f"emit_strategy() takes EmitStrategy.on_window_update(), on_window_close() or every(…), not {emit!r}"
            )
        if emit.is_final and isinstance(self._windows, UnlimitedWindows):
            raise Misuse("unlimited windows never close: they have no results on_window_close()")
        return self._with(replace(self._ways, emit=emit))

    def close_strategy(self, close: CloseStrategy) -> Self:
        """The same, with windows that also close when no records come, as ``close`` says."""
        if not isinstance(close, CloseStrategy):
            raise Misuse(
                "close_strategy() takes CloseStrategy.stream_time(), after_idle(…), wall_clock() or per_key(…), not "
                f"{close!r}"
            )
        if close.is_per_key and not self._shape.closes_per_key:
            raise Misuse(
                f"{type(self._windows).__name__} cannot close per_key(): tumbling, hopping and calendar windows and "
                "those of one's own can. Sliding windows and sessions end by their partition's time, unlimited never"
            )
        return self._with(replace(self._ways, close=close))

    def late_to(self, late: str | Callable[[KStream[Any, V]], Any]) -> Self:
        """The same, with a way out for records that come after their window has closed.

        A topic gets them as they came, with the window they missed in the headers ``window-start`` and
        ``window-end``. A function is called with a stream of them, whose keys are windowed by that window.
        """
        if not isinstance(late, str):
            user_function(late, "late_to()", ("stream",))
        return self._with(replace(self._ways, late=late))

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
        if chosen.ttl is not None or chosen.history_retention is not None:
            raise Misuse(
                f"store {chosen.name!r} is of windows: they end with their grace, or as with_retention() says; "
                "with_ttl() and as_versioned() are for tables without windows"
            )
        graph, shape, ways = self._graph(), self._shape, self._ways
        name = graph.step(kind, named)
        streams = self._streams()
        key, value = known(chosen.key, streams[0].key), known(chosen.value, value)
        codecs = graph.codecs
        key_codec = codecs.own_key(key, f"key of store {chosen.name!r}")
        value_codec = codecs.own_value(value, f"value of store {chosen.name!r}")
        spec = shape.store(chosen.name, key_codec, value_codec, chosen)
        store = graph.store(spec)
        stores = [store, graph.store(key_times_store(spec))] if ways.close.is_per_key else [store]

        def make(*, final: bool) -> Any:
            emission = Emission(chosen.caching, final, ways.late is not None, ways.close)
            return self._operator(shape.operator(name, store, aggregation, emission))

        graph.add(
            name,
            [Input(stream.node, port) for port, stream in enumerate(streams)],
            lambda: make(final=ways.emit.is_final),
            [StoreUse(used, writes=True, port=port) for used in stores for port in range(len(streams))],
            fans_out=True,
        )
        if shape.closes_with_final:
            graph.can_be_final(name, lambda: make(final=True))
        windowed = key._replace(wrap=shape.key_codec)
        node = name if ways.late is None else self._without_late(graph, name, key, windowed)
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

    def _without_late(self, graph: GraphBuilder, name: str, key: Serde, windowed: Serde) -> str:
        """Part the late rows from the table's updates; the node of the latter."""
        from streamz_core.streams.dsl.kstream import KStream

        value = self._late_value()
        taken, late = f"{name}-taken", f"{name}-late"
        graph.add(taken, (Input(name),), lambda: Branch(taken, TAKEN))
        graph.add(late, (Input(name),), lambda: Branch(late, LATE))
        rows: KStream[Any, V] = KStream(graph, late, windowed, value)
        topic = self._ways.late
        if not isinstance(topic, str):
            assert topic is not None
            topic(rows)
            return taken
        unwindowed = rows.select_key(lambda windowed_key, _value: windowed_key.key)
        KStream(graph, unwindowed.node, key, value).to(topic)
        return taken

    # -- what the streams are -------------------------------------------------------------------------

    def _streams(self) -> list[KStream[Any, Any]]:
        """The streams, each with its records in the partitions of their keys."""
        raise AssertionError("whoever is in windows says which streams")

    def _graph(self) -> GraphBuilder:
        """The graph they are of; asking does not deal them out anew."""
        raise AssertionError("whoever is in windows says of which graph")

    def _operator(self, aggregation: Operator) -> Operator:
        """The aggregation as an operator for the rows of all the streams."""
        return aggregation

    def _late_value(self) -> Serde:
        """What is known of the values of late records."""
        return UNKNOWN
