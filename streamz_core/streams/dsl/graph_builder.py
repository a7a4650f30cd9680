"""``GraphBuilder``: a graph in the making.

Owns: names of steps, nodes, stores, internal topics, and sources that are asked for more than once.
Must not know: streams and tables.

Steps are named as Kafka Streams names them (``KSTREAM-FILTER-0000000001``) unless the user does. What lives
longer than a process (stores, internal topics) has the user's names only: a number would change with the
next edit of the program, and the state would be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.final_results import Suppression, with_final_results
from streamz_core.streams.dsl.options import Named, option
from streamz_core.streams.error_policy import FAIL, ErrorPolicy, error_policy
from streamz_core.streams.graph import Graph, OperatorNode, SourceNode
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.topic_pattern import refuse_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.streams.dsl.serde import Codecs
    from streamz_core.streams.dsl.stores import StoreBuilder
    from streamz_core.streams.graph import Input, StoreUse
    from streamz_core.streams.operator import Operator
    from streamz_core.streams.topic_pattern import TopicPattern
    from streamz_core.streams.topology import GlobalTableSpec, StoreKind, StoreSpec


class GraphBuilder:
    """Collects the nodes of one app's graph."""

    def __init__(self, codecs: Codecs, on_error: ErrorPolicy = FAIL) -> None:
        """Start empty. ``on_error`` is for all steps that have no policy of their own."""
        self._on_error = on_error
        self.codecs: Final = codecs
        self._count = 0
        self._sources: dict[str, SourceNode] = {}
        self._readers: dict[str | InternalTopic | TopicPattern, SourceNode] = {}
        self._nodes: dict[str, OperatorNode] = {}
        self._stores: dict[str, StoreSpec] = {}
        self._store_builders: dict[str, StoreBuilder] = {}
        self._globals: dict[str, GlobalTableSpec] = {}
        self._topics: dict[str, InternalTopic] = {}
        self._policies: dict[str, ErrorPolicy] = {}
        self._finals: dict[str, Callable[[], Operator]] = {}
        self._suppressions: dict[str, Suppression] = {}
        self._dealt: list[tuple[tuple[Any, ...], str]] = []

    def name(self, kind: str, given: str | None = None) -> str:
        """``given``, or the next name of this ``kind``; numbers go on either way."""
        number = self._count
        self._count += 1
        return given if given is not None else f"{kind}-{number:010d}"

    def step(self, kind: str, named: Named | str | None) -> str:
        """The name of the next step, as ``named`` or else of this ``kind``; its error policy is noted."""
        chosen = option(Named, named)
        name = self.name(kind, chosen.name)
        self.on_error(name, chosen.error_policy)
        return name

    def on_error(self, step: str, policy: ErrorPolicy | str | None) -> None:
        """What becomes of records that a step fails on; None: as the graph says."""
        if policy is not None:
            self._policies[step] = error_policy(policy, f"step {step!r}: error_policy")

    def source(self, source: SourceNode) -> str:
        """Read topics; the name of the node. Topics that are read already, in the same way, share it."""
        read = source.topics if source.pattern is None else (source.pattern,)
        for topic in read:
            self._refuse_two_ways(topic, any(spec.topic == topic for spec in self._globals.values()))
            found = self._readers.get(topic)
            if found is None:
                continue
            if found.topics == source.topics and _same_reading(found, source):
                return found.name
            what = "topic" if source.pattern is None else "pattern"
            raise Misuse(
                f"{what} {str(topic)!r} is read twice, in different ways: read it once, and use that stream twice"
            )
        self._refuse_overlap(source)
        self._refuse_name(source.name)
        self._sources[source.name] = source
        self._readers.update(dict.fromkeys(read, source))
        return source.name

    def source_of(self, topic: str) -> SourceNode | None:
        """The node that reads ``topic``, where it reads no other."""
        source = self._readers.get(topic)
        return source if source is not None and source.topics == (topic,) else None

    def add(
        self,
        name: str,
        inputs: Iterable[Input],
        make: Callable[[], Operator],
        uses: Iterable[StoreUse] = (),
        *,
        sink: str | InternalTopic | None = None,
        fans_out: bool = False,
        routes: bool = False,
        joined_as: str | None = None,
        waits: bool = False,
        piece_max: int | None = None,
    ) -> str:
        """A step; returns its name."""
        self._refuse_name(name)
        self._nodes[name] = OperatorNode(
            name,
            tuple(inputs),
            make,
            tuple(uses),
            sink,
            fans_out,
            routes,
            joined_as,
            waits,
            piece_max,
            self._policies.get(name),
        )
        return name

    def can_be_final(self, node: str, make: Callable[[], Operator]) -> None:
        """How to make ``node``, should only the final results of its windows be wanted."""
        self._finals[node] = make

    def is_final_of(self, node: str, suppression: Suppression) -> None:
        """``node`` wants the final results of some windows only, and has a buffer to that end."""
        self._suppressions[node] = suppression

    def store(self, spec: StoreSpec) -> str:
        """Declare a store; returns its name."""
        self._refuse_store(spec.name)
        self._stores[spec.name] = spec
        return spec.name

    def add_store(self, store: StoreBuilder) -> str:
        """Declare a store that was built by the user; the same one again is no other."""
        if self._store_builders.get(store.name) == store:
            return store.name
        name = self.store(store.spec(self.codecs))
        self._store_builders[name] = store
        return name

    def store_kind(self, name: str) -> StoreKind:
        """The kind of a declared store."""
        return self._stores[name].kind

    def global_table(self, spec: GlobalTableSpec) -> str:
        """Declare a global table; returns its name."""
        self._refuse_store(spec.name)
        self._refuse_two_ways(spec.topic, spec.topic in self._readers)
        for pattern in self._patterns():
            if pattern.matches(spec.topic):
                refuse_named(spec.topic, pattern)
        self._globals[spec.name] = spec
        return spec.name

    def internal_topic(self, name: str, partitions: int | None) -> InternalTopic:
        """Declare a topic of the app's own."""
        topic = InternalTopic(name, partitions)
        if name in self._topics:
            raise Misuse(f"internal topic {name!r} is declared twice; give each its own name")
        self._topics[name] = topic
        return topic

    def dealt(self, stream: tuple[Any, ...], deal: Callable[[], str]) -> str:
        """The source of ``stream``'s records as they were dealt out anew: by ``deal``, unless they were before.

        Whoever needs the same records by the same keys shares one topic, which has the name of the first use.
        """
        for known, source in self._dealt:
            if known == stream:
                return source
        source = deal()
        self._dealt.append((stream, source))
        return source

    def build(self) -> Graph:
        """What was collected."""
        nodes, stores = with_final_results(
            tuple(self._nodes.values()), tuple(self._stores.values()), self._finals, self._suppressions
        )
        return Graph(
            tuple(self._sources.values()), nodes, stores, tuple(self._globals.values()), self._on_error
        )

    def _patterns(self) -> list[TopicPattern]:
        return [source.pattern for source in self._sources.values() if source.pattern is not None]

    def _refuse_overlap(self, source: SourceNode) -> None:
        """Refuse a topic that is read by name and by pattern, as far as it is known now."""
        named = [table.topic for table in self._globals.values()]
        named += [topic for topic in self._readers if isinstance(topic, str)]
        patterns = self._patterns() if source.pattern is None else [source.pattern]
        topics = named if source.pattern is not None else [t for t in source.topics if isinstance(t, str)]
        for topic in topics:
            for pattern in patterns:
                if pattern.matches(topic):
                    refuse_named(topic, pattern)

    def _refuse_two_ways(self, topic: object, is_read: bool) -> None:
        if is_read:
            raise Misuse(f"topic {topic!r} is read already: it is a stream or table, or a global table")

    def _refuse_store(self, name: str) -> None:
        if name in self._stores or name in self._globals:
            raise Misuse(f"store {name!r} is declared twice; give each its own name")

    def _refuse_name(self, name: str) -> None:
        if name in self._nodes or name in self._sources:
            raise Misuse(f"step {name!r} is declared twice; give each its own name")


def _same_reading(one: SourceNode, other: SourceNode) -> bool:
    return one.reading == other.reading and one.on_decode_error == other.on_decode_error
