"""``Standbys``: warm copies of stores that other members work on.

Owns: which copies there are, keeping them up to date from the changelogs, and letting go of them at a handover.
Must not know: who decides where copies are (``task_assignor``), how tasks work.

A copy is the very files that a task would have here. When the task comes, the copy is closed and the task opens it:
what it lacks is what was written since the copy was last brought up to date. Stores in memory have no copies.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import sleep
from streamz_core.errors import Retriable
from streamz_core.model import TopicPartition
from streamz_core.state.store import StoreCorrupt, StoreLocked
from streamz_core.streams.runtime.stores import TaskStores

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from streamz_core.state.restore import RestoreProgress
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.services import TaskServices
    from streamz_core.streams.topology import SubTopology, Topology

_log = logging.getLogger(__name__)

CATCH_UP_INTERVAL_MS: Final = 200
"""How far behind the changelogs copies are, when nothing else takes longer."""


@dataclass(slots=True)
class Standby:
    """The copies of one task."""

    task_id: str
    partition: int
    part: SubTopology
    progress: dict[str, RestoreProgress] = field(default_factory=dict)
    """By store, how far it is."""
    stores: TaskStores | None = None
    """The open files."""

    @property
    def position(self) -> int:
        """Records of all changelogs that are in the copies."""
        return sum(progress.position for progress in self.progress.values())

    @property
    def lag(self) -> int:
        """Records of all changelogs that are not, when they were last looked at."""
        return sum(progress.end - progress.position for progress in self.progress.values())


class Standbys:
    """All copies of this member."""

    def __init__(
        self,
        topology: Topology,
        config: RuntimeConfig,
        services: TaskServices,
        spawn: Callable[..., asyncio.Task[None]],
    ) -> None:
        """``spawn`` runs a coroutine in the background; what it fails with fails the runtime."""
        self._topology = topology
        self._config = config
        self._services = services
        self._spawn = spawn
        self._work: dict[str, asyncio.Task[None]] = {}
        self._wanted: list[str] = []
        self.copies: Final[dict[str, Standby]] = {}
        """By task."""

    @property
    def positions(self) -> dict[str, int]:
        """How far each copy is, by task."""
        return {task_id: copy.position for task_id, copy in self.copies.items()}

    def want(self, task_ids: Iterable[str]) -> None:
        """From the next ``settle`` on, these are the copies."""
        self._wanted = list(task_ids)

    async def let_go(self, tasks: Container[str]) -> None:
        """Close the copies that are not wanted any more, and those of ``tasks``, which will open their files."""
        self._wanted = [task_id for task_id in self._wanted if task_id not in tasks]
        await self._close([task_id for task_id in self.copies if task_id not in self._wanted])

    def begin(self) -> None:
        """Begin the copies that are wanted and not there."""
        parts = {part.name: part for part in self._topology.subtopologies}
        for task_id in self._wanted:
            name, _, partition = task_id.rpartition("_")
            if task_id not in self.copies and name in parts and parts[name].stores:
                copy = self.copies[task_id] = Standby(task_id, int(partition), parts[name])
                self._work[task_id] = self._spawn(self._keep(copy), name=f"standby {task_id}")

    async def close(self) -> None:
        """Close all."""
        self._wanted = []
        await self._close(list(self.copies))

    async def _close(self, task_ids: list[str]) -> None:
        working = [self._work.pop(task_id) for task_id in task_ids]
        for task in working:
            task.cancel()
        if working:
            await asyncio.wait(working)
        for task_id in task_ids:
            del self.copies[task_id]

    async def _keep(self, copy: Standby) -> None:
        """Keep a copy up to date until cancelled. What may pass is waited for, with the files closed."""
        while True:
            try:
                await self._follow(copy)
            except StoreLocked as lock:
                _log.warning("standby %s: %s; it is tried again", copy.task_id, lock)
            except (Retriable, StoreCorrupt) as error:
                _log.warning("standby %s begins again: %s", copy.task_id, error)
            await sleep(self._services.clock, CATCH_UP_INTERVAL_MS * 10)

    async def _follow(self, copy: Standby) -> None:
        services = self._services
        stores = TaskStores(copy.task_id, copy.partition, copy.part.stores, services.state)
        try:
            stores.open_copies(services.changelog_identities, services.source_changelogs)
            copy.stores = stores
            flushed_at_ms = -math.inf
            while True:
                await self._catch_up(copy, stores)
                # As tasks do: so much is read again after a kill, at most.
                if services.clock.monotonic_ms() - flushed_at_ms >= self._config.state_flush_interval_ms:
                    flushed_at_ms = services.clock.monotonic_ms()
                    stores.flush_soon()
                await sleep(services.clock, CATCH_UP_INTERVAL_MS)
        except StoreCorrupt as damage:
            stores.discard_files(damage)
            raise
        finally:
            copy.stores = None
            stores.close(flush=True)

    async def _catch_up(self, copy: Standby, stores: TaskStores) -> None:
        def note(progress: RestoreProgress) -> None:
            copy.progress[progress.store] = progress

        await stores.catch_up(self._services.changelog_reader, note, await self._committed(copy))

    async def _committed(self, copy: Standby) -> Mapping[TopicPartition, int]:
        """Up to where copies may be that are made from what their task reads; the others need no such bound."""
        services = self._services
        topics = {
            services.source_changelogs[store.name].topic
            for store in copy.part.stores
            if store.name in services.source_changelogs
        }
        if not topics:
            return {}
        found = await services.committed_positions(
            [TopicPartition(topic, copy.partition) for topic in topics]
        )
        return {partition: position.offset for partition, position in found.items()}
