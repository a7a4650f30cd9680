"""What a graph consists of, and how it is run, in words.

Owns: the description of a graph, and the explanation of its execution.
Must not know: apps, agents, brokers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.description import (
    NodeDescription,
    NodeKind,
    SubtopologyDescription,
    TopologyDescription,
)
from streamz_core.streams.execution.pieces import PIECE_RECORDS
from streamz_core.streams.execution.plan import why_one_by_one
from streamz_core.streams.graph import ANY_TOPIC
from streamz_core.streams.internal_topic import InternalTopic

if TYPE_CHECKING:
    from streamz_core.streams.graph import Graph, OperatorNode
    from streamz_core.streams.topology import GlobalTableSpec

CHOSEN: str = "chosen for each record"


def describe(graph: Graph, app_id: str | None = None) -> TopologyDescription:
    """The graph's parts; internal topics with the app's id where it is given."""
    parts = [_part(part, app_id) for part in graph.parts()]
    return TopologyDescription((*parts, *(_global(table) for table in graph.global_tables)))


def explain(graph: Graph) -> str:
    """How records pass through each part: in pieces or one by one, and through which steps in which order.

    >>> from streamz_core.streams.dsl.builder import StreamsBuilder
    >>> builder = StreamsBuilder()
    >>> builder.stream("a").filter(lambda key, value: value).to("b")
    >>> print(explain(builder.build()), end="")
    Sub-topology 0: records pass in pieces of up to 128, a whole piece through each step before the next:
      1. KSTREAM-FILTER-0000000001
      2. KSTREAM-SINK-0000000002, writes b
    """
    lines: list[str] = []
    for number, part in enumerate(graph.parts()):
        reasons = {source.name: why_one_by_one(part, source.name) for source in part.sources}
        alone = {source: why for source, why in reasons.items() if why}
        if alone:
            lines.append(f"Sub-topology {number}: records pass one by one, each to its end before the next,")
            lines += [f"  since of what {source} reads, {why}." for source, why in alone.items()]
            lines.append("  The steps:")
        else:
            lines.append(
                f"Sub-topology {number}: records pass in pieces of up to {PIECE_RECORDS}, a whole piece through "
                "each step before the next:"
            )
        lines += [f"  {place}. {_words(node)}" for place, node in enumerate(part.nodes, 1)]
    return "\n".join(lines) + "\n"


def _words(node: OperatorNode) -> str:
    words = [node.name]
    if node.stores:
        words.append(f"with {', '.join(node.stores)}")
    if node.sink is not None:
        words.append(f"writes {_topic(node.sink, None)}")
    return ", ".join(words)


def _part(part: Graph, app_id: str | None) -> SubtopologyDescription:
    sources = [
        NodeDescription(
            NodeKind.SOURCE,
            source.name,
            topics=tuple(_topic(topic, app_id) for topic in source.topics),
            pattern=None if source.pattern is None else source.pattern.text,
            successors=_successors(part, source.name),
        )
        for source in part.sources
    ]
    nodes = [
        NodeDescription(
            NodeKind.PROCESSOR if node.sink is None else NodeKind.SINK,
            node.name,
            topics=() if node.sink is None else (_topic(node.sink, app_id),),
            stores=node.stores,
            predecessors=tuple(dict.fromkeys(source.node for source in node.inputs)),
            successors=_successors(part, node.name),
        )
        for node in part.nodes
    ]
    return SubtopologyDescription((*sources, *nodes))


def _global(table: GlobalTableSpec) -> SubtopologyDescription:
    source, keeper = f"{table.name}-source", f"{table.name}-keep"
    return SubtopologyDescription(
        (
            NodeDescription(NodeKind.SOURCE, source, topics=(table.topic,), successors=(keeper,)),
            NodeDescription(NodeKind.PROCESSOR, keeper, stores=(table.name,), predecessors=(source,)),
        ),
        is_global=True,
    )


def _successors(part: Graph, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(child.node for child in part.children[name]))


def _topic(topic: str | InternalTopic, app_id: str | None) -> str:
    if isinstance(topic, InternalTopic):
        return f"{topic.name}-repartition" if app_id is None else topic.topic(app_id)
    return CHOSEN if topic == ANY_TOPIC else topic
