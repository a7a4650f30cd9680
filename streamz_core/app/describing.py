"""What an app consists of: its agents and tables, and its streams.

Owns: the description of agents, and one description of both.
Must not know: how either is run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamz_core.app.compile import compile_app
from streamz_core.streams.description import (
    NodeDescription,
    NodeKind,
    SubtopologyDescription,
    TopologyDescription,
)
from streamz_core.streams.dsl.describing import describe

if TYPE_CHECKING:
    from streamz_core.app.compile import Declarations
    from streamz_core.streams.topology import SubTopology


def describe_app(declared: Declarations, app_id: str) -> TopologyDescription:
    """Everything declared; what reads the same topic is one part."""
    counts = {name: 1 for topic in declared.read for name in topic.topics}
    parts = [_agents(part) for part in compile_app(declared, counts, {}).subtopologies]
    if declared.graph is not None:
        parts += describe(declared.graph, app_id).subtopologies
    found: list[SubtopologyDescription] = []
    for part in parts:
        same = [other for other in found if not (part.is_global or _read(other).isdisjoint(_read(part)))]
        for other in same:
            found.remove(other)
        found.append(replace(part, nodes=tuple(node for one in (*same, part) for node in one.nodes)))
    return TopologyDescription(tuple(found))


def _agents(part: SubTopology) -> SubtopologyDescription:
    """A source for each topic, and a processor for each agent that reads it."""
    processors = [processor for processor in part.processors if processor.sources]
    sources = [
        NodeDescription(
            NodeKind.SOURCE,
            f"{source.name}-source",
            topics=source.topics,
            pattern=None if source.pattern is None else source.pattern.text,
            successors=tuple(p.name for p in processors if source.name in p.sources),
        )
        for source in part.sources
    ]
    agents = [
        NodeDescription(
            NodeKind.PROCESSOR,
            processor.name,
            stores=processor.stores,
            predecessors=tuple(f"{name}-source" for name in processor.sources),
        )
        for processor in processors
    ]
    return SubtopologyDescription((*sources, *agents))


def _read(part: SubtopologyDescription) -> set[str]:
    sources = [node for node in part.nodes if node.kind is NodeKind.SOURCE]
    return {topic for node in sources for topic in (*node.topics, *filter(None, [node.pattern]))}
