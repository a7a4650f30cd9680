"""``KTable``: a table, the latest value of every key.

Owns: what follows from a table, and how a table is looked up by others.
Must not know: aggregation, how stores work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from streamz_core.errors import Misuse
from streamz_core.serde.stamped import StampedCodec
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.dsl.kstream import KStream
from streamz_core.streams.dsl.options import Grouped, Materialized, Named, option
from streamz_core.streams.dsl.serde import UNKNOWN, Serde
from streamz_core.streams.dsl.user_function import KEY_VALUE, keyed_function, user_function
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.keep_versions import KeepVersions
from streamz_core.streams.operators.table import Keep, TableFilter, TableMapValues, ToStream
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kgrouped_table import KGroupedTable
    from streamz_core.streams.dsl.suppressed import Suppressed, Windowing
    from streamz_core.streams.graph import SourceNode
    from streamz_core.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")


class KTable(Generic[K, V]):
    """Updates by key, and the values they lead to. Operations return new tables."""

    def __init__(
        self,
        graph: GraphBuilder,
        node: str,
        key: Serde = UNKNOWN,
        value: Serde = UNKNOWN,
        *,
        view: TableView,
        store: str | None = None,
        windowing: Windowing | None = None,
    ) -> None:
        """``view`` is how values are looked up; ``store`` the table's own store, if it has one.

        ``windowing`` is what a windowed table knows of its windows.
        """
        self.graph: Final = graph
        self.node: Final = node
        self.key: Final = key
        self.value: Final = value
        self.view: Final = view
        self.store: Final = store
        self.windowing: Final = windowing

    @property
    def queryable_store_name(self) -> str | None:
        """The name of the table's own store."""
        return self.store

    def filter(
        self,
        predicate: Callable[[K, V], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KTable[K, V]:
        """The entries that ``predicate(key, value)`` holds for."""
        return self._filtered(predicate, materialized, named, negated=False)

    def filter_not(
        self,
        predicate: Callable[[K, V], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KTable[K, V]:
        """The entries that ``predicate(key, value)`` does not hold for."""
        return self._filtered(predicate, materialized, named, negated=True)

    def map_values(
        self,
        mapper: Callable[..., Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        with_key: bool = False,
        value_type: Any = None,
    ) -> KTable[K, Any]:
        """Every value replaced by ``mapper(value)``, or ``mapper(key, value)`` if ``with_key``."""
        keyed_function(mapper, "map_values()", with_key=with_key)
        name = self._name("KTABLE-MAPVALUES", named)

        def transform(key: Any, value: Any) -> Any:
            return mapper(key, value) if with_key else mapper(value)

        return self._then(
            name,
            lambda: TableMapValues(name, mapper, with_key=with_key),
            transform,
            Serde(value_type),
            materialized,
        )

    def transform_values(
        self,
        supplier: Any,
        materialized: Materialized | str,
        *stores: str,
        named: Named | str | None = None,
        value_type: Any = None,
    ) -> KTable[K, Any]:
        """Each value replaced by what a ``ValueTransformer`` (or one ``WithKey``) makes of it; kept in a store.

        It is asked about deletions too: None should give None.
        """
        rows = KStream[K, V](self.graph, self.node, self.key, self.value)
        made = rows.transform_values(supplier, *stores, named=named, value_type=value_type)
        chosen = option(Materialized, materialized)
        return table_of(made, chosen, f"{made.node}-store", "transform_values()")

    def group_by(
        self,
        selector: Callable[[K, V], tuple[Any, Any]],
        grouped: Grouped | str | None = None,
        **options: Any,
    ) -> KGroupedTable[Any, Any]:
        """Entries together by the key of ``selector(key, value)``, a pair; through an internal topic."""
        user_function(selector, "group_by()", KEY_VALUE)
        from streamz_core.streams.dsl.kgrouped_table import KGroupedTable

        return KGroupedTable(self, selector, option(Grouped, grouped, options))

    def to_stream(
        self, mapper: Callable[[K, V], Any] | None = None, named: Named | str | None = None
    ) -> KStream[Any, V]:
        """The updates as a stream; deletions have no value. ``mapper(key, value)`` gives other keys."""
        if mapper is not None:
            user_function(mapper, "to_stream()", KEY_VALUE)
        name = self._name("KTABLE-TOSTREAM", named)
        self.graph.add(name, (Input(self.node),), lambda: ToStream(name, mapper))
        key = self.key if mapper is None else UNKNOWN
        return KStream(self.graph, name, key, self.value, is_rekeyed=mapper is not None)

    def suppress(self, suppressed: Suppressed) -> KTable[K, V]:
        """The same table, saying less: ``Suppressed.until_window_closes`` or ``until_time_limit``."""
        from streamz_core.streams.dsl.suppressed import suppressed as held_back

        return held_back(self, suppressed)

    # -- joins --------------------------------------------------------------------------------------

    def join(self, other: KTable[Any, Any], *how: Any, **options: Any) -> KTable[K, Any]:
        """The keys that both tables have, with ``joiner(value, other_value)``.

        ``join(table, joiner, materialized, named)``: by the same key. ``join(table, foreign_key_extractor,
        joiner, table_joined, materialized)``: ``foreign_key_extractor(value)`` is the key in the other table;
        many keys may have the same one. ``table_joined``, a ``TableJoined`` or a string, is the name of the
        topics and the store in between. Options: ``with_key=True`` puts the key before the values, for extractor
        and joiner; ``value_type`` is the type of the results.
        """
        return self._join(other, how, options, left=True, right=True)

    def left_join(self, other: KTable[Any, Any], *how: Any, **options: Any) -> KTable[K, Any]:
        """Like ``join``, with all keys of this table: the other value is None where there is none."""
        return self._join(other, how, options, left=True, right=False)

    def outer_join(self, other: KTable[K, Any], *how: Any, **options: Any) -> KTable[K, Any]:
        """Like ``join`` by the same key, with the keys of either table."""
        from streamz_core.streams.dsl.table_joins import table_join

        return table_join(self, other, *how, needs_left=False, needs_right=False, **options)

    def _join(self, other: Any, how: Any, options: Any, *, left: bool, right: bool) -> KTable[K, Any]:
        from streamz_core.streams.dsl.foreign_key_join import foreign_key_join
        from streamz_core.streams.dsl.table_joins import table_join

        if not isinstance(other, KTable):
            raise Misuse(f"a table is joined with a table; {other!r} is none")
        functions = sum(map(callable, how[:2])) + len(options.keys() & {"foreign_key_extractor", "joiner"})
        if functions > 1:
            return foreign_key_join(self, other, *how, left=not right, **options)
        return table_join(self, other, *how, needs_left=left, needs_right=right, **options)

    # -- making steps -------------------------------------------------------------------------------

    def _filtered(
        self, predicate: Callable[[K, V], Any], materialized: Any, named: Any, *, negated: bool
    ) -> KTable[K, V]:
        user_function(predicate, "filter_not()" if negated else "filter()", KEY_VALUE)
        name = self._name("KTABLE-FILTER", named)

        def transform(key: Any, value: Any) -> Any:
            return value if bool(predicate(key, value)) is not negated else None

        tells_all = self._is_versioned
        return self._then(
            name,
            lambda: TableFilter(name, predicate, negated=negated, tells_all=tells_all),
            transform,
            self.value,
            materialized,
        )

    @property
    def _is_versioned(self) -> bool:
        """Whether its updates are those of a versioned store."""
        view = self.view
        return type(view) is TableView and self.graph.store_kind(view.stores[0]) is StoreKind.VERSIONED

    def _name(self, kind: str, named: Named | str | None) -> str:
        return self.graph.step(kind, named)

    def _then(
        self,
        name: str,
        make: Callable[[], Operator],
        transform: Callable[[Any, Any], Any],
        value: Serde,
        materialized: Materialized | str | None,
    ) -> KTable[Any, Any]:
        self.graph.add(name, (Input(self.node),), make)
        table: KTable[Any, Any] = KTable(
            self.graph, name, self.key, value, view=self.view.then(transform), windowing=self.windowing
        )
        if materialized is None:
            return table
        chosen = option(Materialized, materialized)
        return table_of(table, chosen, f"{name}-store", f"table {name!r}")


def table_of(
    rows: KStream[Any, Any] | KTable[Any, Any],
    materialized: Materialized,
    name: str,
    what: str,
    source: SourceNode | None = None,
) -> KTable[Any, Any]:
    """The step ``name`` that keeps the latest value of every key of ``rows`` in a store.

    ``source`` is the node of the one topic that ``rows`` are, just as they are in it.
    """
    graph = rows.graph
    key, value = known(materialized.key, rows.key), known(materialized.value, rows.value)
    store = key_value_store(graph, materialized, key, value, what, source)
    graph.add(name, (Input(rows.node),), _keeping(name, store, materialized), (StoreUse(store, writes=True),))
    windowing = rows.windowing if isinstance(rows, KTable) else None
    return KTable(graph, name, key, value, view=TableView(store), store=store, windowing=windowing)


def _keeping(name: str, store: str, materialized: Materialized) -> Callable[[], Operator]:
    if materialized.history_retention is not None:
        return lambda: KeepVersions(name, store)
    caching = materialized.caching
    return lambda: Keep(name, store, caching=caching)


def key_value_store(
    graph: GraphBuilder,
    materialized: Materialized,
    key: Serde,
    value: Serde,
    what: str,
    source: SourceNode | None = None,
) -> str:
    """Declare a store of stamped values, or of versions; ``what`` it is for, should it have no name.

    The store of a topic's table has the topic's bytes: so the topic can be its changelog.
    """
    name, codecs = materialized.name, graph.codecs
    if name is None:
        raise Misuse(f"{what} is kept in a store, and needs a name: Materialized.as_('…')")
    is_versioned = materialized.history_retention is not None
    if is_versioned and materialized.ttl is not None:
        raise Misuse(f"store {name!r} is versioned: its entries end by the retention, and have no with_ttl()")
    if source is not None and not is_versioned:
        key_codec, value_codec = source.key_codec, source.value_codec
    else:
        source = None
        key_codec = codecs.own_key(key, f"key of store {name!r}")
        value_codec = codecs.own_value(value, f"value of store {name!r}")
    return graph.store(
        StoreSpec(
            name,
            StoreKind.VERSIONED if is_versioned else StoreKind.KEY_VALUE,
            key_codec,
            value_codec if is_versioned else StampedCodec(value_codec),
            retention_ms=_milliseconds(materialized.history_retention, "history_retention"),
            expires=materialized.ttl is not None,
            ttl_ms=_milliseconds(materialized.ttl, "ttl", at_least=1),
            in_memory=materialized.in_memory,
            source_topic=_changelog_of(source, materialized),
            changelog=materialized.logging,
            changelog_config=materialized.logging_config,
        )
    )


def _changelog_of(source: SourceNode | None, materialized: Materialized) -> str | None:
    """The topic that may be the store's changelog."""
    if source is None or source.timestamp_extractor is not None:
        return None
    if materialized.ttl is not None or materialized.logging_config:
        return None  # what ends is deleted from a changelog; and a configured one is wanted
    (topic,) = source.topics
    return topic if isinstance(topic, str) else None


def _milliseconds(given: Duration | None, what: str, *, at_least: int = 0) -> int | None:
    return None if given is None else milliseconds(given, what, at_least=at_least)


def known(chosen: Serde, before: Serde) -> Serde:
    """What is said now, or else what was known."""
    return chosen if chosen.is_known else before
