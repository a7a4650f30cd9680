"""How many partitions the topics get that lie between an app's agents, or its streams.

Owns: that, where the app's sources have so many.
Must not know: brokers, who creates topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.dsl.compile import bound_graph, internal_partitions
from streamz_core.streams.dsl.mending import mended
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.topic_pattern import is_own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.app.services import Runnable
    from streamz_core.app.topic import GroupedTopic


def agents_between(app: Runnable, counts: Mapping[str, int]) -> dict[str, int]:
    """Those of ``group_by``: what they say, or as many as they have, or as the most that a source topic has.

    ``counts`` has the sources and what lies between, where it is there; where there are patterns, all topics.
    """
    return {
        grouped.between.get_topic_name(): grouped.between.options.partitions or _most(app, grouped, counts)
        for grouped in app.declared.grouped
    }


def streams_between(app: Runnable, counts: Mapping[str, int]) -> dict[str, int]:
    """Those of streams, by their full names."""
    if app.declared.graph is None:
        return {}
    graph = bound_graph(mended(app.declared.graph, counts), counts, app.group_id)
    found = internal_partitions(graph, counts, app.group_id, app.conf.topic_partitions)
    return {topic.topic(app.group_id): partitions for topic, partitions in found.items()}


def names_between(app: Runnable) -> list[str]:
    """All of them."""
    graph = app.declared.graph
    topics = [] if graph is None else [topic for source in graph.sources for topic in source.topics]
    return [
        *(grouped.between.get_topic_name() for grouped in app.declared.grouped),
        *(topic.topic(app.group_id) for topic in topics if isinstance(topic, InternalTopic)),
    ]


def _most(app: Runnable, grouped: GroupedTopic, counts: Mapping[str, int]) -> int:
    source, between = grouped.source, grouped.between.get_topic_name()
    if between in counts:
        return counts[between]  # what it is made from may grow: it deals that out anew
    if source.pattern is None:
        return max(counts[name] for name in source.topics)
    fitting = (
        count
        for name, count in counts.items()
        if source.pattern.matches(name) and not is_own(name, app.group_id)
    )
    return max(fitting, default=app.conf.topic_partitions)
