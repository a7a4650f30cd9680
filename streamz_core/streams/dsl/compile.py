"""From a graph to sub-topologies.

Owns: which parts of a graph are run by one task, their names, and how many partitions internal topics get.
Must not know: the runtime, agents, brokers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.errors import Misuse
from streamz_core.streams.execution.graph_processor import GraphProcessor
from streamz_core.streams.graph import ANY_TOPIC, Graph
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, SubTopology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamz_core.streams.error_policy import ErrorPolicy


def external_topics(graph: Graph) -> list[str]:
    """The topics of others that a graph reads."""
    topics = [topic for source in graph.sources for topic in source.topics]
    return list(dict.fromkeys(topic for topic in topics if isinstance(topic, str)))


def internal_partitions(graph: Graph, partitions: Mapping[str, int]) -> dict[InternalTopic, int]:
    """How many partitions every internal topic gets, where those of others have so many.

    What it says itself; else those of the topics that it is read together with; else the most that the
    topics have which its records come from.
    """
    parts = graph.parts()
    found: dict[InternalTopic, int] = {}
    waiting = [(topic, part) for part in parts for topic in _internal(part)]
    while waiting:
        rest = [
            (topic, part) for topic, part in waiting if not _settle(topic, part, parts, partitions, found)
        ]
        if len(rest) == len(waiting):
            names = ", ".join(sorted(topic.name for topic, _ in rest))
            raise Misuse(
                f"the partitions of internal topics {names} follow from each other: give one a number with "
                "Repartitioned.as_(…).with_number_of_partitions(…)"
            )
        waiting = rest
    return found


def subtopologies(graph: Graph, app_id: str, on_error: ErrorPolicy) -> list[SubTopology]:
    """One for each part of the graph, called after the first topic it reads."""
    return [_subtopology(part, app_id, on_error) for part in graph.parts()]


def _subtopology(part: Graph, app_id: str, on_error: ErrorPolicy) -> SubTopology:
    sources = tuple(
        SourceSpec(
            source.name,
            tuple(_name(topic, app_id) for topic in source.topics),
            source.key_codec,
            source.value_codec,
            source.on_decode_error,
            source.timestamp_extractor,
            source.offset_reset,
        )
        for source in part.sources
    )
    name = sources[0].topics[0]
    stores = tuple(store.name for store in part.stores)
    processor = ProcessorSpec(
        f"streams-{name}",
        tuple(source.name for source in sources),
        _supplier(part, app_id),
        stores,
        on_error,
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


def _settle(
    topic: InternalTopic,
    part: Graph,
    parts: list[Graph],
    partitions: Mapping[str, int],
    found: dict[InternalTopic, int],
) -> bool:
    """Find out about ``topic``, which ``part`` reads; False where others have to be known first."""
    if topic.partitions is not None:
        found[topic] = topic.partitions
        return True
    together = [partitions[name] for name in external_topics(part)]
    together += [other.partitions for other in _internal(part) if other.partitions is not None]
    if together:
        found[topic] = max(together)
        return True
    (writer,) = [part for part in parts if any(node.sink == topic for node in part.nodes)]
    inner = list(_internal(writer))
    if any(other not in found for other in inner):
        return False
    found[topic] = max(
        [partitions[name] for name in external_topics(writer)] + [found[other] for other in inner]
    )
    return True
