"""``KStream``: a stream of records, each an event of its own.

Owns: the stateless operations, leading to groups, tables and topics, and when records must be dealt out anew.
Must not know: how operators work, aggregations, joins' state.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.comforts import Comforts
from streamz_core.streams.dsl.join_keys import refuse_other_builder
from streamz_core.streams.dsl.options import (
    Branched,
    Consumed,
    Grouped,
    Materialized,
    Named,
    Produced,
    Repartitioned,
    option,
)
from streamz_core.streams.dsl.processing_words import ProcessingWords
from streamz_core.streams.dsl.serde import UNKNOWN, Serde
from streamz_core.streams.dsl.time_join_words import TimeJoinWords
from streamz_core.streams.dsl.user_function import KEY_VALUE, keyed_function, takes_one_more, user_function
from streamz_core.streams.error_policy import error_policy
from streamz_core.streams.graph import ANY_TOPIC, Input, SourceNode
from streamz_core.streams.operators import stateless
from streamz_core.streams.operators.sink import RoutingSink, Sink
from streamz_core.streams.topic_pattern import TopicPattern
from streamz_core.streams.topology import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.kgrouped_stream import KGroupedStream
    from streamz_core.streams.dsl.ktable import KTable
    from streamz_core.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")
PARTITIONED: Final = ("topic", *KEY_VALUE, "partitions")


class KStream(Comforts[K, V], TimeJoinWords[K, V], ProcessingWords[K, V]):
    """Records by key. Operations return new streams, and leave this one as it is.

    ``named`` is the name of the step, a string or ``Named``, for ``describe()`` and messages.
    """

    # -- stateless ----------------------------------------------------------------------------------

    def filter(self, predicate: Callable[[K, V], Any], named: Named | str | None = None) -> KStream[K, V]:
        """The records that ``predicate(key, value)`` holds for."""
        user_function(predicate, "filter()", KEY_VALUE)
        name = self._name("KSTREAM-FILTER", named)
        return self._then(name, lambda: stateless.Filter(name, predicate))

    def filter_not(self, predicate: Callable[[K, V], Any], named: Named | str | None = None) -> KStream[K, V]:
        """The records that ``predicate(key, value)`` does not hold for."""
        user_function(predicate, "filter_not()", KEY_VALUE)
        name = self._name("KSTREAM-FILTER", named)
        return self._then(name, lambda: stateless.Filter(name, predicate, negated=True))

    def map(
        self,
        mapper: Callable[[K, V], tuple[Any, Any]],
        named: Named | str | None = None,
        *,
        key_type: Any = None,
        value_type: Any = None,
    ) -> KStream[Any, Any]:
        """Each record replaced by the pair ``mapper(key, value)``; the types are those of the results."""
        user_function(mapper, "map()", KEY_VALUE)
        name = self._name("KSTREAM-MAP", named)
        return self._then(
            name, lambda: stateless.Map(name, mapper), Serde(key_type), Serde(value_type), rekeyed=True
        )

    def map_values(
        self,
        mapper: Callable[..., Any],
        named: Named | str | None = None,
        *,
        with_key: bool = False,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """Each value replaced by ``mapper(value)``, or ``mapper(key, value)`` if ``with_key``."""
        keyed_function(mapper, "map_values()", with_key=with_key)
        name = self._name("KSTREAM-MAPVALUES", named)
        return self._then(
            name, lambda: stateless.MapValues(name, mapper, with_key=with_key), value=Serde(value_type)
        )

    def flat_map(
        self,
        mapper: Callable[[K, V], Iterable[tuple[Any, Any]]],
        named: Named | str | None = None,
        *,
        key_type: Any = None,
        value_type: Any = None,
    ) -> KStream[Any, Any]:
        """Each record replaced by all pairs of ``mapper(key, value)``."""
        user_function(mapper, "flat_map()", KEY_VALUE)
        name = self._name("KSTREAM-FLATMAP", named)
        return self._then(
            name,
            lambda: stateless.FlatMap(name, mapper),
            Serde(key_type),
            Serde(value_type),
            rekeyed=True,
            fans_out=True,
        )

    def flat_map_values(
        self,
        mapper: Callable[..., Iterable[Any]],
        named: Named | str | None = None,
        *,
        with_key: bool = False,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """Each record replaced by one for each value of ``mapper(value)``, under the same key."""
        keyed_function(mapper, "flat_map_values()", with_key=with_key)
        name = self._name("KSTREAM-FLATMAPVALUES", named)
        return self._then(
            name,
            lambda: stateless.FlatMapValues(name, mapper, with_key=with_key),
            value=Serde(value_type),
            fans_out=True,
        )

    def select_key(
        self, mapper: Callable[[K, V], Any], named: Named | str | None = None, *, key_type: Any = None
    ) -> KStream[Any, V]:
        """Each record under the key ``mapper(key, value)``."""
        user_function(mapper, "select_key()", KEY_VALUE)
        name = self._name("KSTREAM-KEY-SELECT", named)
        return self._then(
            name, lambda: stateless.SelectKey(name, mapper), Serde(key_type), self.value, rekeyed=True
        )

    def peek(self, action: Callable[[K, V], Any], named: Named | str | None = None) -> KStream[K, V]:
        """Call ``action(key, value)`` for every record that comes by."""
        user_function(action, "peek()", KEY_VALUE)
        name = self._name("KSTREAM-PEEK", named)
        return self._then(name, lambda: stateless.Peek(name, action))

    def foreach(self, action: Callable[[K, V], Any], named: Named | str | None = None) -> None:
        """Call ``action(key, value)`` for every record; the stream ends here."""
        user_function(action, "foreach()", KEY_VALUE)
        name = self._name("KSTREAM-FOREACH", named)
        self._then(name, lambda: stateless.Peek(name, action))

    def print(
        self,
        label: str | None = None,
        named: Named | str | None = None,
        *,
        write: Callable[[str], Any] | None = None,
    ) -> None:
        """Print ``[label]: key, value`` for every record; ``write`` takes lines instead of standard output."""
        name = self._name("KSTREAM-PRINTER", named)
        title = label if label is not None else self.node
        out = write or sys.stdout.write

        def show(key: Any, value: Any) -> None:
            out(f"[{title}]: {key}, {value}\n")

        self._then(name, lambda: stateless.Peek(name, show))

    def merge(self, other: KStream[K, V], named: Named | str | None = None) -> KStream[K, V]:
        """The records of both streams."""
        if not isinstance(other, KStream):
            raise Misuse(f"a stream is merged with a stream; {other!r} is none")
        refuse_other_builder(self, other)
        name = self._name("KSTREAM-MERGE", named)
        # Once each: a stream merged with itself is itself.
        ways = dict.fromkeys((Input(self.node), Input(other.node)))
        self.graph.add(name, ways, lambda: stateless.Pass(name))
        same_key = self.key if self.key == other.key else UNKNOWN
        same_value = self.value if self.value == other.value else UNKNOWN
        rekeyed = self.is_rekeyed or other.is_rekeyed
        return KStream(self.graph, name, same_key, same_value, is_rekeyed=rekeyed)

    def split(self, named: Named | str | None = None) -> BranchedKStream[K, V]:
        """Begin to split: ``.branch(predicate, …)`` any number of times, then ``default_branch``."""
        return BranchedKStream(self, option(Named, named).name)

    # -- topics -------------------------------------------------------------------------------------

    def to(
        self,
        topic: Any,
        produced: Produced | str | None = None,
        **options: Any,
    ) -> None:
        """Write to a topic, or to the one that ``topic(key, value)`` names for each record.

        A topic of ``app.topic`` brings its types. A function of three arguments also gets the ``RecordContext``:
        where the record comes from, its time and its headers.
        """
        topic = _target(topic, options)
        chosen = option(Produced, produced, options)
        name = self._name("KSTREAM-SINK", Named(chosen.name, chosen.error_policy))
        where = repr(topic) if isinstance(topic, str) else f"step {name!r}"
        codecs = self.graph.codecs
        key_codec = codecs.sink_key(_or(chosen.key, self.key), f"key for topic {where}")
        value_codec = codecs.sink_value(_or(chosen.value, self.value), f"value for topic {where}")
        partitioner = chosen.partitioner
        if partitioner is not None:
            user_function(partitioner, "a stream partitioner", PARTITIONED)
        if isinstance(topic, str) and partitioner is None:
            self._add(name, lambda: Sink(name, topic, key_codec, value_codec), sink=topic)
            return
        self._add(
            name,
            lambda: RoutingSink(
                name,
                topic,
                key_codec,
                value_codec,
                partitioner,
                with_context=takes_one_more(topic, KEY_VALUE),
            ),
            sink=topic if isinstance(topic, str) else ANY_TOPIC,
        )

    def through(self, topic: str, produced: Produced | str | None = None, **options: Any) -> KStream[K, V]:
        """Write to a topic, and read on from there."""
        chosen = option(Produced, produced, options)
        self.to(topic, chosen)
        key, value = _or(chosen.key, self.key), _or(chosen.value, self.value)
        return stream_of(
            self.graph,
            (topic,),
            Consumed(
                key_type=key.type,
                key_serializer=key.serializer,
                value_type=value.type,
                value_serializer=value.serializer,
            ),
        )

    def repartition(self, repartitioned: Repartitioned | str | None = None, **options: Any) -> KStream[K, V]:
        """Deal the records out anew by their keys, through an internal topic of this name."""
        chosen = option(Repartitioned, repartitioned, options)
        if chosen.name is None:
            raise Misuse("repartition() needs a name: its topic is called {app id}-{name}-repartition")
        return self._dealt(chosen, keyless=False)

    def mark_as_partitioned(self) -> KStream[K, V]:
        """This stream, taken to be in the partitions of its keys already: it is not dealt out anew (KIP-759).

        For a key that was changed and still goes with the partition: ``select_key(lambda key, order: (key,
        order.id)).mark_as_partitioned()``. Where that is not so, what belongs together is not found together.
        """
        return KStream(self.graph, self.node, self.key, self.value)

    def _dealt(self, chosen: Repartitioned, *, keyless: bool) -> KStream[K, V]:
        """The records through an internal topic; ``keyless``: those without a key too, which belong nowhere."""
        assert chosen.name is not None
        topic_name = f"{chosen.name}-repartition"
        sink = self.graph.name("KSTREAM-SINK", f"{topic_name}-sink")
        keyed = self.graph.name("KSTREAM-FILTER", f"{topic_name}-filter")
        stream = self if keyless else self._then(keyed, lambda: stateless.Keyed(keyed))
        key, value = _or(chosen.key, self.key), _or(chosen.value, self.value)
        topic = self.graph.internal_topic(chosen.name, chosen.partitions)
        codecs, partitioner = self.graph.codecs, chosen.partitioner
        key_codec = codecs.own_key(key, f"key of internal topic {chosen.name!r}")
        value_codec = codecs.own_value(value, f"value of internal topic {chosen.name!r}")
        if partitioner is not None:
            user_function(partitioner, "a stream partitioner", PARTITIONED)
        if partitioner is None:
            make: Callable[[], Operator] = lambda: Sink(sink, topic, key_codec, value_codec)  # noqa: E731
        else:
            make = lambda: RoutingSink(sink, topic, key_codec, value_codec, partitioner)  # noqa: E731
        self.graph.add(sink, (Input(stream.node),), make, sink=topic)
        source = self.graph.source(
            SourceNode(
                self.graph.name("KSTREAM-SOURCE", f"{topic_name}-source"), (topic,), key_codec, value_codec
            )
        )
        return KStream(self.graph, source, key, value)

    # -- towards state ------------------------------------------------------------------------------

    def group_by_key(self, grouped: Grouped | str | None = None, **options: Any) -> KGroupedStream[K, V]:
        """Records of one key together. A name is needed where keys were changed before."""
        from streamz_core.streams.dsl.kgrouped_stream import KGroupedStream

        chosen = option(Grouped, grouped, options)
        return KGroupedStream(self.typed(chosen.key, chosen.value), chosen.name)

    def group_by(
        self, selector: Callable[[K, V], Any], grouped: Grouped | str | None = None, **options: Any
    ) -> KGroupedStream[Any, V]:
        """Records together that have the same ``selector(key, value)``; through an internal topic."""
        user_function(selector, "group_by()", KEY_VALUE)
        chosen = option(Grouped, grouped, options)
        return self.select_key(selector, chosen.name).group_by_key(chosen)

    def join(self, other: Any, *how: Any, **options: Any) -> KStream[K, Any]:
        """Each record with what ``other`` has of its key; records without a partner are dropped.

        ``join(stream, joiner, windows, joined)``: with the records of another stream whose times are as near
        as the ``JoinWindows`` say; ``joined`` is a ``StreamJoined`` or a name, needed for the store.
        ``join(table, joiner, joined)``: with the table's value at that moment; a ``Joined`` or a name is needed
        where keys were changed. ``join(global_table, key_selector, joiner, named)``: with the value of the
        key ``key_selector(key, value)``, whichever partition it is in.

        ``joiner(value, other_value)`` makes the results, or ``joiner(key, value, other_value)`` with the option
        ``with_key=True``; ``value_type`` is the type of what it makes.
        """
        return self._join(other, how, options, left=False)

    def left_join(self, other: Any, *how: Any, **options: Any) -> KStream[K, Any]:
        """Like ``join``; a record without a partner goes on with None in the partner's place.

        Joined with a stream it does so once no partner can come any more: when its window and grace are over.
        """
        return self._join(other, how, options, left=True)

    def outer_join(self, other: KStream[K, Any], *how: Any, **options: Any) -> KStream[K, Any]:
        """Like ``left_join`` with another stream, with records of either side going on without a partner."""
        from streamz_core.streams.dsl.joins import stream_join

        return stream_join(self, other, *how, left=True, right=True, **options)

    def to_table(
        self, materialized: Materialized | str | None = None, named: Named | str | None = None
    ) -> KTable[K, V]:
        """The stream as a table: the latest value of every key; records without value delete. Needs a name."""
        from streamz_core.streams.dsl.ktable import table_of

        chosen = option(Materialized, materialized)
        stream = self.partitioned(chosen.name, "to_table()")
        return table_of(stream, chosen, self._name("KSTREAM-TOTABLE", named), "to_table()")

    def _join(self, other: Any, how: Any, options: Any, *, left: bool) -> KStream[K, Any]:
        from streamz_core.streams.dsl.global_ktable import GlobalKTable
        from streamz_core.streams.dsl.joins import stream_global_join, stream_join, stream_table_join
        from streamz_core.streams.dsl.ktable import KTable

        if isinstance(other, KTable):
            return stream_table_join(self, other, *how, left=left, **options)
        if isinstance(other, GlobalKTable):
            return stream_global_join(self, other, *how, left=left, **options)
        return stream_join(self, other, *how, left=left, **options)

    def typed(self, key: Serde, value: Serde) -> KStream[K, V]:
        """The same stream, with more known of its keys and values."""
        return KStream(
            self.graph, self.node, _or(key, self.key), _or(value, self.value), is_rekeyed=self.is_rekeyed
        )

    def partitioned(self, name: str | None, why: str, *, keyless: bool = False) -> KStream[K, V]:
        """This stream, dealt out anew where keys were changed; ``name`` is the internal topic's.

        ``keyless``: records without a key stay.
        """
        if not self.is_rekeyed:
            return self
        if name is None:
            raise Misuse(
                f"{why} needs its records dealt out anew, since keys were changed at {self.node!r}: "
                "give it a name for the topic in between"
            )
        shared = (self.node, self.key, self.value, keyless)
        dealt = self.graph.dealt(shared, lambda: self._dealt(Repartitioned(name), keyless=keyless).node)
        return KStream(self.graph, dealt, self.key, self.value)

    # -- making steps -------------------------------------------------------------------------------

    def _add(self, name: str, make: Callable[[], Operator], sink: Any = None) -> None:
        self.graph.add(name, (Input(self.node),), make, sink=sink)


class BranchedKStream(Generic[K, V]):
    """A stream being split. Every record goes to the first branch whose predicate holds for it."""

    def __init__(self, stream: KStream[K, V], name: str | None) -> None:
        """``name`` begins the keys of the result."""
        self._stream = stream
        self._node = stream.graph.name("KSTREAM-BRANCH", name)
        self._prefix = name if name is not None else self._node
        self._predicates: list[Callable[[K, V], Any]] = []
        self._branches: dict[str, KStream[K, V]] = {}
        predicates = self._predicates
        node = self._node
        stream.graph.add(node, (Input(stream.node),), lambda: stateless.Split(node, list(predicates)))

    def branch(
        self, predicate: Callable[[K, V], Any], branched: Branched | str | None = None
    ) -> BranchedKStream[K, V]:
        """The records ``predicate(key, value)`` holds for, that no branch before took."""
        user_function(predicate, "branch()", KEY_VALUE)
        self._add(predicate, option(Branched, branched), str(len(self._predicates) + 1))
        return self

    def default_branch(self, branched: Branched | str | None = None) -> dict[str, KStream[K, V]]:
        """The rest is a branch too; ends the splitting."""
        self._add(lambda _key, _value: True, option(Branched, branched), "0")
        return self._branches

    def no_default_branch(self) -> dict[str, KStream[K, V]]:
        """The rest is dropped; ends the splitting. Branches by name: that of the split and their own."""
        return self._branches

    def _add(self, predicate: Callable[[K, V], Any], branched: Branched, number: str) -> None:
        mark = len(self._predicates)
        self._predicates.append(predicate)
        graph, before = self._stream.graph, self._stream
        name = f"{self._prefix}{branched.name if branched.name is not None else number}"
        graph.add(
            graph.name("KSTREAM-BRANCHCHILD", name),
            (Input(self._node),),
            lambda: stateless.Branch(name, mark),
        )
        stream: Any = KStream(graph, name, before.key, before.value, is_rekeyed=before.is_rekeyed)
        if branched.consumer is not None:
            branched.consumer(stream)
            return
        result = stream if branched.function is None else branched.function(stream)
        if result is not None:
            self._branches[name] = result


def stream_of(
    graph: GraphBuilder, topics: tuple[str, ...] | TopicPattern, consumed: Consumed
) -> KStream[Any, Any]:
    """A stream of topics. Keys of no declared type are written on as they were read."""
    node = source_node(graph, topics, consumed, "KSTREAM-SOURCE")
    key = consumed.key if consumed.key.is_known else Serde(serializer=graph.codecs.key_serializer)
    return KStream(graph, node, key, consumed.value)


def source_node(
    graph: GraphBuilder, topics: tuple[str, ...] | TopicPattern, consumed: Consumed, kind: str
) -> str:
    """The node that reads topics, by name or by pattern, as ``consumed`` says."""
    if consumed.timestamp_extractor is not None:
        user_function(consumed.timestamp_extractor, "a timestamp extractor", ("record", "partition_time_ms"))
    pattern = topics if isinstance(topics, TopicPattern) else None
    named = () if isinstance(topics, TopicPattern) else topics
    names = ", ".join(repr(topic) for topic in named or (str(pattern),))
    return graph.source(
        SourceNode(
            graph.name(kind, consumed.name),
            named,
            graph.codecs.source_key(consumed.key, f"key of topic {names}"),
            graph.codecs.source_value(consumed.value, f"value of topic {names}"),
            on_decode_error=error_policy(consumed.on_decode_error, f"topic {names}: on_decode_error"),
            timestamp_extractor=consumed.timestamp_extractor,
            offset_reset=consumed.offset_reset,
            reading=Reading(
                *consumed.key[:2], *consumed.value[:2], consumed.timestamp_extractor, consumed.offset_reset
            ),
            pattern=pattern,
        )
    )


def _or(chosen: Serde, known: Serde) -> Serde:
    return chosen if chosen.is_known else known


def _target(topic: Any, options: dict[str, Any]) -> str | Callable[..., str]:
    """The name of a topic, or what chooses one; a declared topic's types are added to ``options``."""
    declared = getattr(topic, "get_topic_name", None)
    if declared is not None:
        for what in ("key_type", "value_type", "key_serializer", "value_serializer"):
            if (said := getattr(topic, what)) is not None:
                options.setdefault(what, said)
        return str(declared())
    if isinstance(topic, str):
        return topic
    if callable(topic):
        takes = (*KEY_VALUE, "context") if takes_one_more(topic, KEY_VALUE) else KEY_VALUE
        choose: Callable[..., str] = user_function(topic, "to()", takes)
        return choose
    raise Misuse(f"to() takes the name of a topic, a topic, or a function that names one; not {topic!r}")
