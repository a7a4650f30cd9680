"""``CogroupedKStream``: several grouped streams, aggregated into one table.

Owns: collecting the streams with their aggregators, and aggregating them.
Must not know: how aggregates are kept, windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.count_windows import CountWindows
from streamz_core.streams.dsl.ktable import KTable, key_value_store, known
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import aggregating_function, user_function
from streamz_core.streams.dsl.windowed_cogrouped_stream import (
    SessionWindowedCogroupedKStream,
    TimeWindowedCogroupedKStream,
)
from streamz_core.streams.dsl.windows import SessionWindows
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.aggregate import Aggregate
from streamz_core.streams.operators.co_aggregate import CoAggregate, by_port
from streamz_core.streams.operators.view import TableView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.streams.dsl.windowed_stream import Grouping
    from streamz_core.streams.dsl.windows import SlidingWindows, Windows

K = TypeVar("K")
A = TypeVar("A")


class CogroupedKStream(Generic[K, A]):
    """Made by ``KGroupedStream.cogroup``."""

    def __init__(self, members: Mapping[Grouping, Callable[[Any, Any, Any], Any]]) -> None:
        """Grouped streams, each with its aggregator."""
        self._members = dict(members)

    def cogroup(self, grouped: Grouping, aggregator: Callable[[K, Any, A], A]) -> CogroupedKStream[K, A]:
        """Also the records of ``grouped``, by ``aggregator(key, value, aggregate)``.

        A stream that is there already gets this aggregator in place of its former one.
        """
        if not hasattr(grouped, "windowed_by"):
            raise Misuse(
                f"cogroup() takes a grouped stream, of group_by_key() or group_by(), not {grouped!r}"
            )
        return CogroupedKStream({**self._members, grouped: aggregating_function(aggregator, "cogroup()")})

    @overload
    def windowed_by(self, windows: SessionWindows) -> SessionWindowedCogroupedKStream[K, A]: ...

    @overload
    def windowed_by(self, windows: Windows | SlidingWindows) -> TimeWindowedCogroupedKStream[K, A]: ...

    def windowed_by(
        self, windows: Windows | SlidingWindows | SessionWindows
    ) -> TimeWindowedCogroupedKStream[K, A] | SessionWindowedCogroupedKStream[K, A]:
        """The records of all the streams, in windows: of time, of sessions, or of a class of one's own."""
        if isinstance(windows, CountWindows):
            raise Misuse(
                "cogrouped streams have no order among them that windows by count could go by: merge() the "
                "streams first, then group_by_key().windowed_by(CountWindows…)"
            )
        if isinstance(windows, SessionWindows):
            return SessionWindowedCogroupedKStream(self._members, windows)
        return TimeWindowedCogroupedKStream(self._members, windows)

    def aggregate(
        self,
        initializer: Callable[[], A],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[K, A]:
        """One aggregate a key, of all the streams' records, beginning with ``initializer()``."""
        user_function(initializer, "aggregate(): the initializer", ())
        chosen = option(Materialized, materialized)
        streams = [grouped.stream for grouped in self._members]
        aggregator = by_port(list(self._members.values()))
        graph = streams[0].graph
        name = graph.step("COGROUPKSTREAM-AGGREGATE", named)
        key, value = known(chosen.key, streams[0].key), known(chosen.value, Serde(value_type))
        store = key_value_store(graph, chosen, key, value, "aggregate()")
        caching = chosen.caching
        graph.add(
            name,
            [Input(stream.node, port) for port, stream in enumerate(streams)],
            lambda: CoAggregate(name, Aggregate(name, store, aggregator, initializer, caching=caching)),
            [StoreUse(store, writes=True, port=port) for port in range(len(streams))],
        )
        return KTable(graph, name, key, value, view=TableView(store), store=store)
