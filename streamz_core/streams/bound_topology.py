"""From patterns to topics: a topology as it is run where these topics are present.

Owns: which topics each source of a pattern reads.
Must not know: who says what is present, when that changes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from streamz_core.streams.topic_pattern import dead_letter_topics, stand_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.streams.topic_pattern import TopicPattern
    from streamz_core.streams.topology import SubTopology, Topology


def bound(topology: Topology, present: Iterable[str], app_id: str) -> Topology:
    """The topology where sources of patterns read those of the topics that are ``present``.

    Raises ``Misuse`` for a topic that would be read twice.
    """
    if not topology.patterns:
        return topology
    topics = topics_of_patterns(topology, present, app_id)
    parts = tuple(_bound(part, topics) for part in topology.subtopologies)
    return replace(topology, subtopologies=parts)


def topics_of_patterns(
    topology: Topology, present: Iterable[str], app_id: str
) -> dict[TopicPattern, tuple[str, ...]]:
    """By pattern, what it stands for."""
    return stand_for(
        topology.patterns,
        present,
        app_id=app_id,
        named=topology.named_topics,
        dead_letters=dead_letter_topics(
            policy for part in topology.subtopologies for policy in part.policies
        ),
    )


def _bound(part: SubTopology, topics: Mapping[TopicPattern, tuple[str, ...]]) -> SubTopology:
    sources = tuple(
        source if source.pattern is None else replace(source, topics=topics[source.pattern])
        for source in part.sources
    )
    return replace(part, sources=sources)
