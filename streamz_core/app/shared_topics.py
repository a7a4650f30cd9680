"""Agents and streams that read the same topic: one sub-topology.

Owns: which sub-topologies belong together, and what they become.
Must not know: agents, streams, how a sub-topology is run.

A topic has one reader in a group: its records are fetched and decoded once, and handed to all who want them,
and what all of them do is committed together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, SubTopology

if TYPE_CHECKING:
    from collections.abc import Sequence


def united(parts: Sequence[SubTopology]) -> tuple[SubTopology, ...]:
    """``parts``, those that read a topic in common as one, called as the first of them.

    Raises ``ImproperlyConfigured`` where two read a topic in different ways.
    """
    found: list[SubTopology] = []
    for part in parts:
        same = [other for other in found if not set(other.topics).isdisjoint(part.topics)]
        for other in same:
            found.remove(other)
        found.append(_one([*same, part]))
    return tuple(found)


def _one(parts: list[SubTopology]) -> SubTopology:
    if len(parts) == 1:
        return parts[0]
    sources: dict[str, SourceSpec] = {}
    for source in (source for part in parts for source in part.sources):
        if source.pattern is not None:
            sources[source.name] = source
            continue
        for topic in source.topics:
            _check_reading(topic, sources.setdefault(topic, _alone(source, topic)), source)
    return SubTopology(
        parts[0].name,
        tuple(sources.values()),
        tuple(_by_topics(processor, part) for part in parts for processor in part.processors),
        tuple(store for part in parts for store in part.stores),
        tuple(dict.fromkeys(sink for part in parts for sink in part.sinks)),
    )


def _alone(source: SourceSpec, topic: str) -> SourceSpec:
    """The source of one topic, called after it."""
    return replace(source, name=topic, topics=(topic,))


def _by_topics(processor: ProcessorSpec, part: SubTopology) -> ProcessorSpec:
    topics = {
        source.name: source.topics if source.pattern is None else (source.name,) for source in part.sources
    }
    read = tuple(topic for name in processor.sources for topic in topics[name])
    return replace(processor, sources=read)


def _check_reading(topic: str, one: SourceSpec, other: SourceSpec) -> None:
    if one.reading != other.reading or one.on_decode_error != other.on_decode_error:
        raise ImproperlyConfigured(
            f"topic {topic!r} is read in two ways, by an agent and by a stream: as {one.reading} and as "
            f"{other.reading}. It is decoded once: declare it by app.topic({topic!r}, …), and give that to both"
        )
