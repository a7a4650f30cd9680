"""``Layout``: which topics a running app reads now, and what its tasks need to know of them.

Owns: finding the topics, those of patterns too, and creating what belongs to them: changelogs and dead letters.
Must not know: consumers, groups, tasks.

What is read by name is there when the app starts, and stays as it is. What is read by pattern comes and goes while it
runs: ``look`` finds out.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.streams.bound_topology import topics_of_patterns
from streamz_core.streams.runtime.config import OffsetReset
from streamz_core.streams.runtime.failures import TaskFailed

if TYPE_CHECKING:
    from streamz_core.streams.runtime.source_changelog import SourceChangelog
    from streamz_core.streams.runtime.topics import Topics
    from streamz_core.streams.topology import Topology

_log = logging.getLogger(__name__)


class Layout:
    """The topics as they were last found. The mappings are the same objects for ever: tasks hold them."""

    def __init__(self, topology: Topology, topics: Topics, app_id: str) -> None:
        """Nothing is known before the first ``look``."""
        self._topics = topics
        self._app_id = app_id
        self._lock = asyncio.Lock()
        self._found: dict[str, int] | None = None
        self.topology = topology
        """With the topics that patterns stand for."""
        self.counts: Final[dict[str, int]] = {}
        """Partitions by source topic, of those that are gone as well."""
        self.identities: Final[dict[str, str]] = {}
        """By store: which topic, of which cluster, its changelog is."""
        self.source_changelogs: Final[dict[str, SourceChangelog]] = {}
        self.resets: Final[dict[str, OffsetReset]] = {}
        """Where partitions of a topic are begun, where that is not as the app says."""

    @property
    def read(self) -> list[str]:
        """All source topics."""
        return list(self.topology.topics)

    async def begin(self) -> None:
        """Find what is there when the app starts. Raises ``MissingTopic`` and ``Misuse``."""
        self.source_changelogs.update(await self._topics.source_changelogs(self.topology))
        await self.look()
        sinks = [sink for part in self.topology.subtopologies for sink in part.sinks]
        await self._topics.count_partitions(sinks)
        for pattern, fitting in topics_of_patterns(self.topology, sinks, self._app_id).items():
            for sink in fitting:
                _log.warning(
                    "app %s writes to topic %r and reads it by pattern %r: what it writes comes back to it",
                    self._app_id, sink, pattern.text,
                )  # fmt: skip

    async def look(self) -> bool:
        """Find out which topics there are now; whether other ones are read than before.

        Raises ``TaskFailed`` where what is read by name has changed, ``Misuse`` where topics of a pattern do not go
        together.
        """
        async with self._lock:
            topology, counts = await self._topics.source_counts(self.topology)
            before = self._found
            if counts == before:
                return False
            if before is not None:
                self._refuse_changes(topology, before, counts)
            identities, _ = await self._topics.create_internal(topology, counts, self.source_changelogs)
            self.identities.update(identities)
            self.counts.update(counts)
            self._begin_new(topology, set() if before is None else counts.keys() - before.keys())
            self.topology, self._found = topology, counts
            if before is not None:
                _log.info(
                    "app %s reads other topics now: %s", self._app_id, ", ".join(sorted(counts)) or "none"
                )
            return True

    def _refuse_changes(self, topology: Topology, before: dict[str, int], counts: dict[str, int]) -> None:
        named = set(topology.named_topics)
        changed = ", ".join(
            f"{name!r} has {counts[name]} partitions instead of {count}"
            for name, count in before.items()
            if name in named and counts[name] != count
        )
        if changed:
            raise TaskFailed(f"app {self._app_id!r}: {changed} since the app was started; start it again")

    def _begin_new(self, topology: Topology, new: set[str]) -> None:
        """Topics that came while the app ran are read from their beginning: all in them is new to it."""
        for part in topology.subtopologies:
            for source in part.sources:
                if source.offset_reset is not None:
                    for topic in source.topics:
                        self.resets.setdefault(topic, OffsetReset(source.offset_reset))
        self.resets.update(dict.fromkeys(new, OffsetReset.EARLIEST))
