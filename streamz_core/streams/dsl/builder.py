"""``StreamsBuilder``: where streams and tables of topics begin.

Owns: reading topics as streams and as tables, and the finished graph.
Must not know: apps, brokers, how graphs are run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.serde.registry import CodecRegistry
from streamz_core.streams.dsl.describing import describe, explain
from streamz_core.streams.dsl.global_ktable import GlobalKTable
from streamz_core.streams.dsl.global_store import global_store
from streamz_core.streams.dsl.graph_builder import GraphBuilder
from streamz_core.streams.dsl.kstream import stream_of
from streamz_core.streams.dsl.ktable import known, table_of
from streamz_core.streams.dsl.options import Consumed, Materialized, option
from streamz_core.streams.dsl.serde import Codecs
from streamz_core.streams.dsl.stores import StoreBuilder
from streamz_core.streams.error_policy import error_policy as policy_named
from streamz_core.streams.topic_pattern import TopicPattern
from streamz_core.streams.topology import GlobalTableSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.ktable import KTable
    from streamz_core.streams.error_policy import ErrorPolicy
    from streamz_core.streams.graph import Graph


class StreamsBuilder:
    """Builds a graph of streams and tables.

    >>> builder = StreamsBuilder()
    >>> lines = builder.stream("lines", value_type=str)
    >>> words = lines.flat_map_values(str.split).group_by(lambda _, word: word, "words")
    >>> words.count("counts").to_stream().to("word-counts")
    >>> [topic for source in builder.build().sources for topic in source.topics]
    ['lines', InternalTopic(name='words', partitions=None)]
    """

    def __init__(
        self,
        registry: CodecRegistry | None = None,
        *,
        key_serializer: str = "raw",
        value_serializer: str = "json",
        error_policy: ErrorPolicy | str | None = None,
    ) -> None:
        """The serializers are for keys and values of no declared type; ``registry`` knows more of them.

        ``error_policy`` is what becomes of records that a step fails on: ``fail`` (the default), ``skip``,
        ``dead_letter`` or a policy. ``Named.as_(…).with_error_policy(…)`` is for one step,
        ``Consumed.with_decode_error_policy`` for bytes that do not decode.
        """
        codecs = Codecs(registry or CodecRegistry(), key_serializer, value_serializer)
        self._graph = GraphBuilder(codecs, policy_named(error_policy, "error_policy"))

    def stream(
        self,
        topics: str | Iterable[str] | re.Pattern[str],
        consumed: Consumed | None = None,
        **options: Any,
    ) -> KStream[Any, Any]:
        """A stream of one topic, or of several. ``options`` are those of ``Consumed``: ``value_type=Order``.

        A compiled pattern, ``re.compile(r"orders-.*")``, reads every topic whose name matches as a whole, and those
        that are made while the app runs within some seconds (Kafka Streams' ``stream(Pattern)``).
        """
        if isinstance(consumed, str):
            raise Misuse(
                f"stream({topics!r}, {consumed!r}): several topics are one list, stream(['one', 'other']); the name of "
                "the step that reads them is Consumed.as_('…')"
            )
        chosen = option(Consumed, consumed, options)
        return stream_of(self._graph, _topics(topics), chosen)

    def table(
        self,
        topic: str,
        consumed: Consumed | str | None = None,
        materialized: Materialized | str | None = None,
        **options: Any,
    ) -> KTable[Any, Any]:
        """A topic as a table: the latest value of each key. Its store is called as the topic unless named."""
        _refuse_pattern(topic, "a table")
        consumed, materialized = _either(consumed, materialized)
        chosen = option(Consumed, consumed, options)
        how = option(Materialized, materialized)
        if how.name is None:
            how = how.with_name(topic)
        stream = stream_of(self._graph, (topic,), chosen)
        name, source = self._graph.name("KTABLE-SOURCE"), self._graph.source_of(topic)
        return table_of(stream, how, name, f"table of topic {topic!r}", source)

    def add_state_store(self, store: StoreBuilder) -> None:
        """Declare a store for processors: ``Stores.key_value_store("seen", key_type=str, value_type=int)``."""
        if not isinstance(store, StoreBuilder):
            raise Misuse(
                f"add_state_store() takes what Stores.key_value_store(…) and the like make, not {store!r}"
            )
        self._graph.add_store(store)

    def global_table(
        self,
        topic: str,
        consumed: Consumed | str | None = None,
        materialized: Materialized | str | None = None,
        **options: Any,
    ) -> GlobalKTable[Any, Any]:
        """A topic as a table of which every process has a full copy: streams are joined with it by any key.

        It is read to its end before any record is handled, and kept up to date. Its store is called as the
        topic unless named; it has no changelog, the topic is it.
        """
        _refuse_pattern(topic, "a global table")
        consumed, materialized = _either(consumed, materialized)
        chosen, graph = option(Consumed, consumed, options), self._graph
        how = option(Materialized, materialized)
        _refuse_for_copies(topic, chosen, how)
        key, value = known(how.key, chosen.key), known(how.value, chosen.value)
        name = graph.global_table(
            GlobalTableSpec(
                how.name if how.name is not None else topic,
                topic,
                graph.codecs.source_key(key, f"key of topic {topic!r}"),
                graph.codecs.source_value(value, f"value of topic {topic!r}"),
            )
        )
        return GlobalKTable(graph, topic, name, key, value)

    def add_global_store(
        self,
        store: StoreBuilder,
        topic: str,
        supplier: Any,
        consumed: Consumed | str | None = None,
        **options: Any,
    ) -> None:
        """A store that a processor fills from a topic, in every process of the app.

        Where ``global_table`` has a topic's records as they are, here a ``Processor`` makes entries of them. It is
        handed each record of all partitions, before any task runs and from then on, and reaches nothing but
        the store. Every step of the app can read it, unnamed: ``context.get_state_store(name)``; so can
        ``app.store(name)``. It has no changelog, its topic is one. ``options`` are those of ``Consumed``.
        """
        _refuse_pattern(topic, "a global store")
        chosen = option(Consumed, consumed, options)
        self._graph.global_table(global_store(self._graph.codecs, store, topic, supplier, chosen))

    def describe(self, format: str = "text") -> str:  # noqa: A002 - what it is
        """The sub-topologies, their nodes and how these hang together: ``text`` (Kafka's), ``mermaid``, ``json``."""
        return describe(self.build()).in_format(format)

    def explain(self) -> str:
        """How records will pass through the steps: in pieces or one by one, and why."""
        return explain(self.build())

    def build(self) -> Graph:
        """The graph so far, as a value."""
        return self._graph.build()


def _either(consumed: Any, materialized: Any) -> tuple[Any, Any]:
    """Both options of a table, of which Kafka's overloads take either one in the second place."""
    if isinstance(consumed, Materialized) and materialized is None:
        return None, consumed
    return consumed, materialized


def _refuse_for_copies(topic: str, consumed: Consumed, materialized: Materialized) -> None:
    """Refuse what a global table, a copy of a topic's bytes from its beginning, could not keep to."""
    refused = {
        "timestamp_extractor": consumed.timestamp_extractor,
        "offset_reset": consumed.offset_reset,
        "on_decode_error": consumed.on_decode_error,
        "store_type": materialized.store_type,
        "history_retention": materialized.history_retention,
        "ttl": materialized.ttl,
    }
    if given := [name for name, value in refused.items() if value is not None]:
        raise Misuse(
            f"global_table({topic!r}) has no {', '.join(given)}: it is a copy of the topic as it is; "
            "where that will not do, add_global_store() has a processor make the entries"
        )


def _topics(given: str | Iterable[str] | re.Pattern[str]) -> tuple[str, ...] | TopicPattern:
    topics: tuple[Any, ...] = (given,) if isinstance(given, (str, re.Pattern)) else tuple(given)
    if len(topics) == 1 and isinstance(topics[0], re.Pattern):
        return TopicPattern(topics[0])
    for topic in topics:
        if not isinstance(topic, str):
            raise Misuse(
                f"a stream reads topics by their names, or one pattern (re.compile(…)) alone; not {topic!r}"
            )
    if not topics:
        raise Misuse("a stream needs the name of a topic, or several")
    return topics


def _refuse_pattern(topic: object, what: str) -> None:
    if isinstance(topic, re.Pattern):
        raise Misuse(
            f"{what} is of one topic, by its name, not of pattern {topic.pattern!r}: topics that come later would "
            "change what its keys are. Read the pattern as a stream, and make a table of that (to_table)"
        )
