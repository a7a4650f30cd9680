"""Mending joins of topics that do not have the same number of partitions.

Owns: which topics are dealt out anew, through which internal topics, and saying so.
Must not know: joins' steps, brokers.

Two topics that are joined need the same number of partitions, or the same key would be looked for in the wrong
place. Where the user gave a join a name, the topic that has fewer is written, as it is, to an internal topic
with as many partitions as the other one has, and read from there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streamz_core.serde.codecs import RawCodec
from streamz_core.streams.graph import Graph, Input, OperatorNode, SourceNode
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.operators.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mend:
    """A topic that has too few partitions for the join ``join``, and what is read in its place."""

    topic: str
    count: int
    join: str
    between: InternalTopic


def mended(graph: Graph, partitions: Mapping[str, int]) -> Graph:
    """The graph that can be run where topics have so many partitions; what cannot be mended is left."""
    mends = {mend.topic: mend for part in graph.parts() for mend in _mends(part, partitions)}
    if not mends:
        return graph
    sources = tuple(_read_between(source, mends) for source in graph.sources)
    readers, writers = zip(*(_deal(mend) for mend in mends.values()), strict=True)
    return replace(graph, sources=(*readers, *sources), nodes=(*writers, *graph.nodes))


def announce(graph: Graph, partitions: Mapping[str, int]) -> None:
    """Log what ``mended`` does."""
    for part in graph.parts():
        for mend in _mends(part, partitions):
            _log.warning(
                "join %r: topic %r has %d partitions where %d are needed; its records go through internal topic %r. "
                "Give the topics the same number of partitions to save that",
                mend.join, mend.topic, mend.count, mend.between.partitions, mend.between.name,
            )  # fmt: skip


def _mends(part: Graph, partitions: Mapping[str, int]) -> list[Mend]:
    if any(source.pattern is not None for source in part.sources):
        return []  # what is dealt out anew would change with every topic that comes
    joins = {node.name: node.joined_as for node in part.nodes if node.joined_as is not None}
    readers = {topic: source for source in part.sources for topic in source.topics if isinstance(topic, str)}
    topics = [topic for source in part.sources for topic in source.topics]
    fixed = [topic.partitions or 0 for topic in topics if isinstance(topic, InternalTopic)]
    wanted = max([*fixed, *(partitions[topic] for topic in readers)], default=0)
    found: list[Mend] = []
    for topic, source in readers.items():
        if partitions[topic] == wanted or not joins:
            continue
        names = [join for node, join in joins.items() if node in _served(part, source.name)]
        if names:
            between = InternalTopic(f"{names[0]}-{topic}", wanted)
            found.append(Mend(topic, partitions[topic], names[0], between))
    return found


def _served(part: Graph, source: str) -> set[str]:
    """The steps that its records come to, and those that find them in a table."""
    reached = {place.node for place in part.reached_from(source)}
    written = {use.store for node in part.nodes if node.name in reached for use in node.uses if use.writes}
    return reached | {node.name for node in part.nodes if not written.isdisjoint(node.stores)}


def _read_between(source: SourceNode, mends: Mapping[str, Mend]) -> SourceNode:
    topics: list[str | InternalTopic] = []
    for topic in source.topics:
        mend = mends.get(topic) if isinstance(topic, str) else None
        topics.append(topic if mend is None else mend.between)
    return replace(source, topics=tuple(topics))


def _deal(mend: Mend) -> tuple[SourceNode, OperatorNode]:
    """The topic's bytes, written to the topic in between."""
    raw = RawCodec(f"topic {mend.topic!r}")
    reader, writer = f"{mend.between.name}-source", f"{mend.between.name}-sink"
    node = OperatorNode(
        writer,
        (Input(reader),),
        lambda: Sink(writer, mend.between, raw, raw),
        sink=mend.between,
    )
    return SourceNode(reader, (mend.topic,), raw, raw), node
