"""From a graph to sub-topologies.

Owns: which parts of a graph are run by one task, their names, and how many partitions internal topics get.
Must not know: the runtime, agents, brokers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamz_core.errors import Misuse
from streamz_core.streams.execution.graph_processor import GraphProcessor
from streamz_core.streams.graph import ANY_TOPIC, Graph
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.topic_pattern import dead_letter_topics, stand_for
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, SubTopology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def external_topics(graph: Graph) -> list[str]:
    """The topics of others that the tasks of a graph read."""
    topics = [topic for source in graph.sources for topic in source.topics]
    return list(dict.fromkeys(topic for topic in topics if isinstance(topic, str)))


def global_topics(graph: Graph) -> list[str]:
    """The topics of others that every process reads."""
    return list(dict.fromkeys(table.topic for table in graph.global_tables))


def bound_graph(graph: Graph, present: Iterable[str], app_id: str) -> Graph:
    """The graph where sources of patterns read those of the topics that are ``present``: see ``bound``."""
    patterns = [source.pattern for source in graph.sources if source.pattern is not None]
    if not patterns:
        return graph
    policies = [
        graph.on_error,
        *(source.on_decode_error for source in graph.sources),
        *(node.on_error for node in graph.nodes if node.on_error is not None),
    ]
    named = {*external_topics(graph), *global_topics(graph)}
    topics = stand_for(
        patterns, present, app_id=app_id, named=named, dead_letters=dead_letter_topics(policies)
    )
    sources = (
        source if source.pattern is None else replace(source, topics=topics[source.pattern])
        for source in graph.sources
    )
    return replace(graph, sources=tuple(sources))


def internal_partitions(
    graph: Graph,
    partitions: Mapping[str, int],
    app_id: str = "",
    default: int = 1,
) -> dict[InternalTopic, int]:
    """How many partitions every internal topic gets, where those of others have so many.

    What it says itself; else as many as the topics that it is read together with; else as many as it has, where it
    is among ``partitions`` by its full name: what it is made from may grow, it deals that out anew. Else the most
    that the topics have which its records, and those of the internal topics it is read with, come from; where that
    is a pattern that nothing matches yet, ``default``.
    """
    parts = graph.parts()
    found = {topic: topic.partitions for part in parts for topic in _internal(part) if topic.partitions}
    for part in parts:
        fixed = [partitions[name] for name in external_topics(part)]
        fixed += [found[topic] for topic in _internal(part) if topic in found]
        present = (partitions.get(topic.topic(app_id)) for topic in _internal(part))
        if fixed := fixed or [count for count in present if count]:
            _settle(part, max(fixed), found)
    while waiting := [part for part in parts if any(topic not in found for topic in _internal(part))]:
        # Where topics follow from each other (answers from questions), from what is known of either.
        if not (
            _follow(waiting, parts, partitions, found, default)
            or _follow(waiting, parts, partitions, found, default, some=True)
        ):
            names = ", ".join(sorted({t.name for part in waiting for t in _internal(part) if t not in found}))
            raise Misuse(
                f"the partitions of internal topics {names} follow from each other: give one a number with "
                "Repartitioned.as_(…).with_number_of_partitions(…)"
            )
    return found


def subtopologies(graph: Graph, app_id: str) -> list[SubTopology]:
    """One for each part of the graph, called after the first topic, or pattern, it reads."""
    return [_subtopology(part, app_id) for part in graph.parts()]


def _subtopology(part: Graph, app_id: str) -> SubTopology:
    sources = tuple(
        SourceSpec(
            source.name,
            tuple(_name(topic, app_id) for topic in source.topics),
            source.key_codec,
            source.value_codec,
            source.on_decode_error,
            source.reading,
            source.timestamp_extractor,
            source.offset_reset,
            source.pattern,
        )
        for source in part.sources
    )
    name = sources[0].topics[0] if sources[0].pattern is None else sources[0].pattern.name
    stores = tuple(store.name for store in part.stores)
    processor = ProcessorSpec(
        f"streams-{name}",
        tuple(source.name for source in sources),
        _supplier(part, app_id),
        stores,
        part.on_error,
        tuple(dict.fromkeys(node.on_error for node in part.nodes if node.on_error is not None)),
        takes_rounds=True,
    )
    sinks = [_name(node.sink, app_id) for node in part.nodes if node.sink not in {None, ANY_TOPIC}]
    return SubTopology(name, sources, (processor,), part.stores, tuple(dict.fromkeys(sinks)))


def _supplier(part: Graph, app_id: str) -> Callable[[], GraphProcessor]:
    return lambda: GraphProcessor(part, app_id)


def _name(topic: str | InternalTopic, app_id: str) -> str:
    return topic.topic(app_id) if isinstance(topic, InternalTopic) else topic


def _internal(part: Graph) -> Iterable[InternalTopic]:
    return [topic for source in part.sources for topic in source.topics if isinstance(topic, InternalTopic)]


def _reads_pattern(part: Graph) -> bool:
    return any(source.pattern is not None for source in part.sources)


def _writers(topic: InternalTopic, parts: Iterable[Graph]) -> list[Graph]:
    return [part for part in parts if any(node.sink == topic for node in part.nodes)]


def _settle(part: Graph, count: int, found: dict[InternalTopic, int]) -> None:
    """All internal topics of a part have as many partitions as those that are fixed."""
    for topic in _internal(part):
        found.setdefault(topic, count)


def _follow(
    waiting: list[Graph],
    parts: list[Graph],
    partitions: Mapping[str, int],
    found: dict[InternalTopic, int],
    default: int,
    *,
    some: bool = False,
) -> bool:
    """Settle the first part of which all sources are known, or ``some``; whether there is one."""
    for part in waiting:
        counts: list[int | None] = []
        for topic in _internal(part):
            for writer in _writers(topic, parts):
                read = [partitions[name] for name in external_topics(writer)]
                counts += read or ([default] if _reads_pattern(writer) else [])
                counts += [found.get(inner) for inner in _internal(writer)]
        known = [count for count in counts if count is not None]
        if known and (some or len(known) == len(counts)):
            _settle(part, max(known), found)
            return True
    return False
