"""Work the broker does unasked: background syncs, retention, compaction, forgetting silent producers.

Owns: when these run, and that none of them holds up the event loop: compaction goes in short slices,
retention one partition at a time.
Must not know: how the log deletes or compacts.

A partition whose storage fails here is named in the log of the process and left alone until the next
round; the others are served.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, Protocol

from streamz_core.aio.deadline import sleep
from streamz_core.broker.disk_budget import segments_beyond
from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.broker.services import BrokerServices

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from streamz_core.broker.disk_space import DiskSpace
    from streamz_core.broker.flusher import Flusher
    from streamz_core.log.partition_log import PartitionLog

_SLICE_MS: Final = 2.0
"""How long compaction holds the event loop at a time; one batch may take longer."""

_log = logging.getLogger(__name__)


class MaintainedBroker(BrokerServices, Protocol):
    """The broker as its maintenance sees it."""

    @property
    def flusher(self) -> Flusher:
        """Group commit."""

    @property
    def space(self) -> DiskSpace:
        """The disk's free space."""


class Maintenance:
    """The background loops of one broker."""

    def __init__(self, broker: MaintainedBroker) -> None:
        self._broker = broker
        self._slice_ms = 0.0

    async def flush_forever(self) -> None:
        """Sync what was written without a sync, every ``flush_interval_ms``, and look at the disk's space."""
        while True:
            await sleep(self._broker.clock, self._broker.config.flush_interval_ms)
            self._broker.space.look()
            self._broker.flusher.flush()

    async def retain_forever(self) -> None:
        """Delete what is older or more than topics keep, every ``retention_check_interval_ms``."""
        while True:
            began_ms = self._broker.clock.monotonic_ms()
            await sleep(self._broker.clock, self._broker.config.retention_check_interval_ms)
            self.expire_producers(self._broker.clock.monotonic_ms() - began_ms)
            await self.retain_once()

    def expire_producers(self, elapsed_ms: float) -> None:
        """Have each partition forget the producers that were silent for long; ``elapsed_ms`` since the last time."""
        for log in self._alive():
            log.expire_producers(elapsed_ms, self._broker.config.producer_id_expiration_ms)

    async def compact_forever(self) -> None:
        """Compact the topics that ask for it, every ``compaction_check_interval_ms``."""
        while True:
            await sleep(self._broker.clock, self._broker.config.compaction_check_interval_ms)
            await self.compact_once()

    async def retain_once(self) -> None:
        """One round of retention over all partitions."""
        for log in self._alive():
            await self._guarded("retention", log, self._retain(log))
        await self._keep_to_budget()

    async def compact_once(self) -> None:
        """One round of compaction over the partitions of compacted topics."""
        for log in self._alive():
            if log.config.is_compacted:
                await self._guarded("compaction", log, self._compact(log))

    async def _keep_to_budget(self) -> None:
        """Remove the oldest segments of all where there is more than ``log.retention.total.bytes``."""
        budget_bytes = self._broker.config.total_retention_bytes
        if budget_bytes < 0:
            return
        logs = list(self._alive())
        total_bytes = sum(log.size_bytes for log in logs)
        sealed = {log: log.sealed_summaries() for log in logs if log.config.is_deleted_by_age_or_size}
        for log, count in segments_beyond(sealed, total_bytes, budget_bytes).items():
            await self._guarded("the disk budget", log, self._remove(log, count))

    def _alive(self) -> Iterator[PartitionLog]:
        """The partitions there are now, less those that serve nothing or are deleted until their turn."""
        for log in list(self._broker.directory.partitions()):
            if log.failure is None and self._is_there(log):
                yield log

    def _is_there(self, log: PartitionLog) -> bool:
        return self._broker.log(log.topic, log.partition) is log

    async def _guarded(self, what: str, log: PartitionLog, work: Awaitable[None]) -> None:
        ends = (log.log_start_offset, log.high_watermark)
        try:
            await work
        except LOG_FAILURES as failure:
            _log.error("%s of %s failed: %s", what, log.name, failure)
        if ends != (log.log_start_offset, log.high_watermark):
            self._broker.notify(log)
        await asyncio.sleep(0)

    async def _retain(self, log: PartitionLog) -> None:
        # Synced by a thread first, so that retention has nothing to sync in the loop.
        await self._broker.flusher.durable(log, log.log_end_offset)
        async with self._broker.flusher.quiet(log):
            if self._is_there(log):
                log.apply_retention(self._broker.clock.now_ms())

    async def _remove(self, log: PartitionLog, count: int) -> None:
        await self._broker.flusher.durable(log, log.log_end_offset)
        async with self._broker.flusher.quiet(log):
            if self._is_there(log):
                log.remove_oldest(count)

    async def _compact(self, log: PartitionLog) -> None:
        await self._broker.flusher.durable(log, log.log_end_offset)
        with contextlib.closing(log.compaction_steps(self._broker.clock.now_ms())) as steps:
            async with self._broker.flusher.quiet(log):
                is_running = self._is_there(log) and self._run_slice(steps)
            while is_running:
                # As long a pause as the slice was: requests keep half of the loop, or more.
                await sleep(self._broker.clock, self._slice_ms)
                is_running = self._is_there(log) and self._run_slice(steps)

    def _run_slice(self, steps: Iterator[None]) -> bool:
        """Take steps for about ``_SLICE_MS``; whether there are more."""
        began_ms = self._broker.clock.monotonic_ms()
        for _ in steps:
            self._slice_ms = self._broker.clock.monotonic_ms() - began_ms
            if self._slice_ms >= _SLICE_MS:
                return True
        return False
