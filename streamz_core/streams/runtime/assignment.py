"""``Assignment``: which tasks this member of the group runs.

Owns: making runners for assigned partitions and ending them before partitions are given up.
Must not know: topics' creation, fetching, how tasks work.

It is the consumer's rebalance listener. Assigned partitions stay paused until their task has
restored and seeks them; revoked ones are given up only when their task has committed and closed its
stores, or its time was up.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import wait_for
from streamz_core.model import TopicPartition
from streamz_core.streams.bound_topology import bound
from streamz_core.streams.runtime.task import Task, task_id
from streamz_core.streams.runtime.task_runner import TaskRunner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from streamz_core.aio.supervisor import Supervisor
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.failures import TaskInterrupted
    from streamz_core.streams.runtime.services import TaskServices
    from streamz_core.streams.runtime.standbys import Standbys
    from streamz_core.streams.topology import SubTopology, Topology

_log = logging.getLogger(__name__)


class Assignment:
    """The tasks of this member, following the group's assignments."""

    def __init__(
        self,
        topology: Topology,
        config: RuntimeConfig,
        services: TaskServices,
        background: Supervisor,
        *,
        on_change: Callable[[], None],
        standbys: Standbys | None = None,
        on_revoked: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Tasks run in ``background``, whose failure is the runtime's; ``on_change`` follows assignments.

        ``on_revoked`` is awaited when partitions were given up, before the next ones are shared out.
        ``standbys`` let go of what becomes a task, before it does.
        """
        self._topology = topology
        self._config = config
        self._services = services
        self._background = background
        self._on_change = on_change
        self._standbys = standbys
        self._on_revoked = on_revoked
        self._is_assigned = False
        self._owners: dict[TopicPartition, TaskRunner] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        self.runners: dict[str, TaskRunner] = {}

    @property
    def is_settled(self) -> bool:
        """Whether there is an assignment and all its tasks work."""
        return self._is_assigned and all(runner.is_settled for runner in self.runners.values())

    def task_of(self, partition: TopicPartition) -> Task | None:
        """The task that ``partition`` belongs to."""
        runner = self._owners.get(partition)
        return None if runner is None else runner.task

    def interrupt(self, reason: TaskInterrupted) -> None:
        """Have every task start again from its last commit."""
        for runner in self.runners.values():
            runner.task.interrupt(reason)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start the tasks of newly assigned partitions."""
        partitions = sorted(assigned)
        consumer = self._services.consumer
        for partition in partitions:
            # A placeholder, so that the consumer does not look for a position of its own.
            consumer.pause(partition)
            consumer.seek(partition, 0)
        # As those understood it who shared out: this member may know of other topics of a pattern by now.
        topology = bound(self._topology, {p.topic for p in partitions}, self._config.app_id)
        tasks = [
            (part, index)
            for part in topology.subtopologies
            for index in sorted({p.partition for p in partitions if p.topic in part.topics})
        ]
        if self._standbys is not None:
            await self._standbys.let_go({task_id(part, index) for part, index in tasks})
        for part, index in tasks:
            self._start(part, index)
        if self._standbys is not None:
            self._standbys.begin()
        self._is_assigned = True
        self._on_change()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Commit and close the tasks of partitions that will be given up."""
        self._is_assigned = False
        self._on_change()
        await self._stop(self._runners_of(revoked))
        if self._on_revoked is not None:
            await self._on_revoked()

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Drop the tasks of partitions that someone else owns already: nothing can be committed."""
        self._is_assigned = False
        self._on_change()
        await self._cancel(self._runners_of(lost))

    async def stop_all(self) -> None:
        """Commit and close every task."""
        await self._stop(list(self.runners.values()))

    def _start(self, part: SubTopology, index: int) -> None:
        runner = TaskRunner(
            lambda: Task(part, index, self._config, self._services), self._config, self._services.clock
        )
        if runner.task_id in self.runners:
            return
        self.runners[runner.task_id] = runner
        self._owners.update(dict.fromkeys(runner.partitions, runner))
        self._work[runner.task_id] = self._background.spawn(runner.run(), name=f"task {runner.task_id}")

    def _runners_of(self, partitions: Iterable[TopicPartition]) -> list[TaskRunner]:
        found = (self._owners.get(partition) for partition in partitions)
        return list({runner.task_id: runner for runner in found if runner is not None}.values())

    async def _stop(self, runners: list[TaskRunner]) -> None:
        for runner in runners:
            runner.stop()
        # Whoever still restores, or waits for its next try, has nothing to commit.
        working = [self._work[runner.task_id] for runner in self._present(runners) if runner.is_settled]
        if working:
            timeout_ms = self._config.shutdown_timeout_ms
            try:
                await wait_for(self._services.clock, asyncio.wait(working), timeout_ms, what="stopping tasks")
            except TimeoutError:
                late = [task.get_name() for task in working if not task.done()]
                _log.warning(
                    "not stopped within shutdown_timeout_ms=%d, cancelled, to go on from the last commit: %s",
                    timeout_ms,
                    ", ".join(late),
                )
        await self._cancel(runners)

    async def _cancel(self, runners: list[TaskRunner]) -> None:
        working = [self._work[runner.task_id] for runner in self._present(runners)]
        for task in working:
            task.cancel()
        if working:
            await asyncio.wait(working)
        for runner in self._present(runners):
            del self.runners[runner.task_id], self._work[runner.task_id]
            for partition in runner.partitions:
                del self._owners[partition]

    def _present(self, runners: list[TaskRunner]) -> list[TaskRunner]:
        """Those that are still there: a rebalance may come while the app stops, and both wait for the same tasks."""
        return [runner for runner in runners if self.runners.get(runner.task_id) is runner]
