"""How many partitions the topics get that lie between an app's agents, or its streams.

Owns: that, where the app's sources have so many.
Must not know: brokers, who creates topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.dsl.compile import bound_graph, internal_partitions
from streamz_core.streams.dsl.mending import mended
from streamz_core.streams.topic_pattern import is_own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.app.services import Runnable
    from streamz_core.app.topic import GroupedTopic


def agents_between(app: Runnable, counts: Mapping[str, int]) -> dict[str, int]:
    """Those of ``group_by``: what they say, or as many as the most that a source topic has.

    ``counts`` has the sources, and where there are patterns all topics that are present.
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


def _most(app: Runnable, grouped: GroupedTopic, counts: Mapping[str, int]) -> int:
    """Of a pattern: as it is, once it is there: topics that come and go do not change it."""
    source, between = grouped.source, grouped.between.get_topic_name()
    if source.pattern is None:
        return max(counts[name] for name in source.topics)
    if between in counts:
        return counts[between]
    fitting = (
        count
        for name, count in counts.items()
        if source.pattern.matches(name) and not is_own(name, app.group_id)
    )
    return max(fitting, default=app.conf.topic_partitions)
