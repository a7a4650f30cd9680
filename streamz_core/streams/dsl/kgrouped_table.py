"""``KGroupedTable``: a table whose entries are taken together by another key.

Owns: aggregations that follow the table's changes.
Must not know: how changes are carried and applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamz_core.errors import Misuse
from streamz_core.serde.change import ChangeCodec
from streamz_core.streams.dsl.ktable import KTable, key_value_store, known
from streamz_core.streams.dsl.options import Grouped, Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import aggregating_function, reducing_function, user_function
from streamz_core.streams.graph import Input, SourceNode, StoreUse
from streamz_core.streams.operators.grouped_table import Regroup, TableAggregate
from streamz_core.streams.operators.sink import Sink
from streamz_core.streams.operators.view import TableView

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
V = TypeVar("V")


class KGroupedTable(Generic[K, V]):
    """Made by ``KTable.group_by``. When an entry changes its old value is taken out of its group's aggregate."""

    def __init__(
        self, table: KTable[Any, Any], selector: Callable[[Any, Any], tuple[K, V]], grouped: Grouped
    ) -> None:
        """``selector(key, value)`` gives the group's key and the value in it."""
        if grouped.name is None:
            raise Misuse("a grouped table goes through an internal topic: give it a name, Grouped.as_('…')")
        self._table = table
        self._selector = selector
        self._grouped = grouped
        self._source: str | None = None

    def count(
        self, materialized: Materialized | str | None = None, named: Named | str | None = None
    ) -> KTable[K, int]:
        """How many entries are in each group."""
        return self._aggregate(
            lambda _key, _value, count: count + 1,
            lambda _key, _value, count: count - 1,
            lambda: 0,
            option(Materialized, materialized),
            named,
            value=Serde(int),
            what="count()",
        )

    def reduce(
        self,
        adder: Callable[[V, V], V],
        subtractor: Callable[[V, V], V],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KTable[K, V]:
        """``subtractor(reduced, old value)``, then ``adder(reduced, new value)``."""
        reducing_function(adder, "reduce(): the adder")
        reducing_function(subtractor, "reduce(): the subtractor")
        return self._aggregate(
            lambda _key, value, reduced: adder(reduced, value),
            lambda _key, value, reduced: subtractor(reduced, value),
            None,
            option(Materialized, materialized),
            named,
            value=self._grouped.value,
            what="reduce()",
        )

    def aggregate(
        self,
        initializer: Callable[[], Any],
        adder: Callable[[K, V, Any], Any],
        subtractor: Callable[[K, V, Any], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[K, Any]:
        """``subtractor(key, old value, aggregate)``, then ``adder(key, new value, aggregate)``."""
        user_function(initializer, "aggregate(): the initializer", ())
        aggregating_function(adder, "aggregate(): the adder")
        aggregating_function(subtractor, "aggregate(): the subtractor")
        return self._aggregate(
            adder,
            subtractor,
            initializer,
            option(Materialized, materialized),
            named,
            value=Serde(value_type),
            what="aggregate()",
        )

    def _aggregate(
        self,
        adder: Callable[[Any, Any, Any], Any],
        subtractor: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
        chosen: Materialized,
        named: Named | str | None,
        *,
        value: Serde,
        what: str,
    ) -> KTable[Any, Any]:
        graph, source = self._table.graph, self._dealt()
        name = graph.step("KTABLE-AGGREGATE", named)
        key, value = known(chosen.key, self._grouped.key), known(chosen.value, value)
        store = key_value_store(graph, chosen, key, value, what)
        caching = chosen.caching
        graph.add(
            name,
            (Input(source),),
            lambda: TableAggregate(name, store, adder, subtractor, initializer, caching=caching),
            (StoreUse(store, writes=True),),
        )
        return KTable(graph, name, key, value, view=TableView(store), store=store)

    def _dealt(self) -> str:
        """The source of changes, each in the partition of its group; several aggregations share it."""
        if self._source is not None:
            return self._source
        graph, selector, grouped = self._table.graph, self._selector, self._grouped
        assert grouped.name is not None
        codecs, topic = graph.codecs, graph.internal_topic(grouped.name, None)
        key_codec = codecs.own_key(grouped.key, f"key of internal topic {grouped.name!r}")
        value_codec = ChangeCodec(
            codecs.own_value(grouped.value, f"value of internal topic {grouped.name!r}")
        )
        select = graph.name("KTABLE-SELECT", grouped.name)
        graph.add(select, (Input(self._table.node),), lambda: Regroup(select, selector), fans_out=True)
        sink = graph.name("KSTREAM-SINK")
        graph.add(sink, (Input(select),), lambda: Sink(sink, topic, key_codec, value_codec), sink=topic)
        self._source = graph.source(
            SourceNode(graph.name("KSTREAM-SOURCE"), (topic,), key_codec, value_codec)
        )
        return self._source
