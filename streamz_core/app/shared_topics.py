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

    from streamz_core.streams.topic_pattern import TopicPattern


def united(parts: Sequence[SubTopology]) -> tuple[SubTopology, ...]:
    """``parts``, those that read a topic, or a pattern, in common as one, called as the first of them.

    Raises ``ImproperlyConfigured`` where two read one in different ways.
    """
    found: list[SubTopology] = []
    for part in parts:
        same = [other for other in found if not _read(other).isdisjoint(_read(part))]
        for other in same:
            found.remove(other)
        found.append(_one([*same, part]))
    return tuple(found)


def _one(parts: list[SubTopology]) -> SubTopology:
    if len(parts) == 1:
        return parts[0]
    sources: dict[str, SourceSpec] = {}
    for source in (source for part in parts for source in part.sources):
        for alone in _each_alone(source):
            _check_reading(alone.name, sources.setdefault(alone.name, alone), source)
    return SubTopology(
        parts[0].name,
        tuple(sources.values()),
        tuple(_by_topics(processor, part) for part in parts for processor in part.processors),
        tuple(store for part in parts for store in part.stores),
        tuple(dict.fromkeys(sink for part in parts for sink in part.sinks)),
    )


def _read(part: SubTopology) -> set[str | TopicPattern]:
    return {*part.named_topics, *part.patterns}


def _each_alone(source: SourceSpec) -> list[SourceSpec]:
    """A source for each topic, called after it; or for the pattern."""
    if source.pattern is not None:
        return [replace(source, name=source.pattern.text)]
    return [replace(source, name=topic, topics=(topic,)) for topic in source.topics]


def _by_topics(processor: ProcessorSpec, part: SubTopology) -> ProcessorSpec:
    names = {source.name: [alone.name for alone in _each_alone(source)] for source in part.sources}
    return replace(processor, sources=tuple(name for source in processor.sources for name in names[source]))


def _check_reading(topic: str, one: SourceSpec, other: SourceSpec) -> None:
    if one.reading != other.reading or one.on_decode_error != other.on_decode_error:
        what, how = ("topic", repr(topic)) if one.pattern is None else ("pattern", f"pattern={topic!r}")
        raise ImproperlyConfigured(
            f"{what} {topic!r} is read in two ways, by an agent and by a stream: as {one.reading} and as "
            f"{other.reading}. It is decoded once: declare it by app.topic({how}, …), and give that to both"
        )
