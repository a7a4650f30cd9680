"""Joins of two tables by a foreign key.

Owns: the steps, topics and the store they consist of, and their names.
Must not know: what the steps do.

The names are Kafka Streams': ``{name}-subscription-registration`` and ``{name}-subscription-response`` for the
topics, ``{name}-subscription-store`` for who subscribed to what.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import RawCodec
from streamz_core.serde.subscription import PackedCodec, PairCodec
from streamz_core.streams.dsl.join_keys import refuse_other_builder
from streamz_core.streams.dsl.kstream import KStream
from streamz_core.streams.dsl.ktable import KTable, known, table_of
from streamz_core.streams.dsl.options import Materialized, TableJoined, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.table_joins import keyed_joiner
from streamz_core.streams.dsl.user_function import keyed_function
from streamz_core.streams.graph import Input, SourceNode, StoreUse
from streamz_core.streams.operators.foreign_key_join import Answer, Notify, Resolve, Subscribe
from streamz_core.streams.operators.sink import RoutingSink, Sink
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.serde.codecs import ColumnCodec

HASH_BYTES: Final = 16


class _Parts:
    """What the steps of one foreign-key join share."""

    def __init__(
        self, table: KTable[Any, Any], other: KTable[Any, Any], name: str, *, with_key: bool, left: bool
    ) -> None:
        codecs = table.graph.codecs
        self.graph = table.graph
        self.table, self.other, self.name = table, other, name
        self.with_key, self.left = with_key, left
        self.key: ColumnCodec[Any] = codecs.own_key(table.key, f"primary key of join {name!r}")
        self.foreign_key: ColumnCodec[Any] = codecs.own_key(other.key, f"foreign key of join {name!r}")
        self.foreign_value: ColumnCodec[Any] = codecs.own_value(other.value, f"value of join {name!r}")
        self._value = codecs.own_value(table.value, f"left value of join {name!r}")

    def step(self, what: str) -> str:
        """The name of a step, topic or store."""
        return f"{self.name}-subscription-{what}"

    def hashed(self, value: Any) -> bytes | None:
        """Which left value it is."""
        data = None if value is None else self._value.encode(value)
        return None if data is None else blake2b(data, digest_size=HASH_BYTES).digest()


def foreign_key_join(
    table: KTable[Any, Any],
    other: KTable[Any, Any],
    foreign_key_extractor: Callable[..., Any],
    joiner: Callable[..., Any],
    table_joined: TableJoined | str | None = None,
    materialized: Materialized | str | None = None,
    *,
    left: bool,
    with_key: bool = False,
    value_type: Any = None,
) -> KTable[Any, Any]:
    """The keys of ``table``, each with the value that ``other`` has of its foreign key."""
    refuse_other_builder(table, other)
    keyed_function(foreign_key_extractor, "a join's foreign key extractor", with_key=with_key)
    chosen = option(Materialized, materialized)
    given = option(TableJoined, table_joined).name
    name = given if given is not None else chosen.name
    if name is None:
        raise Misuse(
            "a foreign-key join has topics and a store in between, and needs a name: "
            "join(other, foreign_key_extractor, joiner, TableJoined.as_('…'))"
        )
    parts = _Parts(table, other, name, with_key=with_key, left=left)
    subscriptions = _subscribe(parts, foreign_key_extractor)
    responses = _respond(parts, subscriptions)
    resolved = _resolve(parts, responses, keyed_joiner(joiner, with_key=with_key))
    if chosen.name is None:
        chosen = chosen.with_name(f"{name}-result")
    key, value = known(chosen.key, table.key), known(chosen.value, Serde(value_type))
    joined = KStream[Any, Any](table.graph, resolved, key, value)
    return table_of(joined, chosen, f"{name}-result", name)


def _subscribe(parts: _Parts, extractor: Callable[..., Any]) -> str:
    """The left table's part: it asks. Returns the node that reads what it asks."""
    graph, table = parts.graph, parts.table
    asks, encode_key = parts.step("registration-processor"), parts.foreign_key.encode
    extract = extractor if parts.with_key else lambda _key, value: extractor(value)
    graph.add(
        asks,
        (Input(table.node),),
        lambda: Subscribe(asks, extract, encode_key, parts.hashed, left=parts.left),
        fans_out=True,
    )
    topic, sink = graph.internal_topic(parts.step("registration"), None), parts.step("registration-sink")
    codec = PackedCodec(parts.key, 0)
    graph.add(sink, (Input(asks),), lambda: Sink(sink, topic, parts.foreign_key, codec), sink=topic)
    source = SourceNode(parts.step("registration-source"), (topic,), parts.foreign_key, codec)
    return graph.source(source)


def _respond(parts: _Parts, subscriptions: str) -> str:
    """The other table's part: it answers. Returns the node that reads the answers."""
    graph, view = parts.graph, parts.other.view
    keys = PairCodec(parts.foreign_key, parts.key)
    values = PackedCodec(RawCodec(f"subscription of join {parts.name!r}"), 0)
    store = graph.store(StoreSpec(parts.step("store"), StoreKind.KEY_VALUE, keys, values))
    answers, notifies = parts.step("join-foreign"), f"{parts.name}-foreign-join-subscription"
    graph.add(
        answers,
        (Input(subscriptions),),
        lambda: Answer(answers, store, view),
        [StoreUse(store, writes=True), *(StoreUse(name) for name in view.stores)],
    )
    graph.add(
        notifies,
        (Input(parts.other.node),),
        lambda: Notify(notifies, store, keys.prefix),
        (StoreUse(store),),
        fans_out=True,
    )
    topic, sink = graph.internal_topic(parts.step("response"), None), parts.step("response-sink")
    codec = PackedCodec(parts.foreign_value, 1)
    graph.add(
        sink,
        (Input(answers), Input(notifies)),
        lambda: RoutingSink(sink, topic, parts.key, codec, _asker),
        sink=topic,
    )
    return graph.source(SourceNode(parts.step("response-source"), (topic,), parts.key, codec))


def _resolve(parts: _Parts, responses: str, joiner: Callable[[Any, Any, Any], Any]) -> str:
    """The left table's part again: it makes results of answers."""
    name, view = parts.step("response-resolver"), parts.table.view
    return parts.graph.add(
        name,
        (Input(responses),),
        lambda: Resolve(name, view, joiner, parts.hashed, left=parts.left),
        [StoreUse(store) for store in view.stores],
    )


def _asker(_topic: str, _key: Any, response: Any, _partitions: int) -> int:
    partition: int = response[2]
    return partition
