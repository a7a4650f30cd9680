"""Work the broker does unasked: background syncs, retention, compaction.

Owns: when these run, and that none of them holds up the event loop for longer than one partition's
step.
Must not know: how the log deletes or compacts.

A partition whose storage fails here is named in the log of the process and left alone until the next
round; the others are served.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from streamz_core.aio.deadline import sleep
from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.broker.services import BrokerServices

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.broker.flusher import Flusher
    from streamz_core.log.partition_log import PartitionLog

_log = logging.getLogger(__name__)


class MaintainedBroker(BrokerServices, Protocol):
    """The broker as its maintenance sees it."""

    @property
    def flusher(self) -> Flusher:
        """Group commit."""


class Maintenance:
    """The background loops of one broker."""

    def __init__(self, broker: MaintainedBroker) -> None:
        self._broker = broker

    async def flush_forever(self) -> None:
        """Sync what was written without a sync, every ``flush_interval_ms``."""
        while True:
            await sleep(self._broker.clock, self._broker.config.flush_interval_ms)
            self._broker.flusher.flush()

    async def retain_forever(self) -> None:
        """Delete what is older or more than topics keep, every ``retention_check_interval_ms``."""
        while True:
            await sleep(self._broker.clock, self._broker.config.retention_check_interval_ms)
            await self.retain_once()

    async def compact_forever(self) -> None:
        """Compact the topics that ask for it, every ``compaction_check_interval_ms``."""
        while True:
            await sleep(self._broker.clock, self._broker.config.compaction_check_interval_ms)
            await self.compact_once()

    async def retain_once(self) -> None:
        """One round of retention over all partitions."""
        await self._each("retention", lambda log: log.apply_retention(self._broker.clock.now_ms()))

    async def compact_once(self) -> None:
        """One round of compaction over all partitions."""
        await self._each("compaction", lambda log: log.compact(self._broker.clock.now_ms()))

    async def _each(self, what: str, step: Callable[[PartitionLog], object]) -> None:
        for log in list(self._broker.directory.partitions()):
            if log.failure is not None or self._broker.log(log.topic, log.partition) is not log:
                continue  # it serves nothing, or was deleted since the round began
            await self._step(what, log, step)
            await asyncio.sleep(0)

    async def _step(self, what: str, log: PartitionLog, step: Callable[[PartitionLog], object]) -> None:
        ends = (log.log_start_offset, log.high_watermark)
        try:
            # Synced in the background first, the step has nothing to sync in the loop.
            await self._broker.durable(log, log.log_end_offset)
            async with self._broker.flusher.quiet(log):
                step(log)
        except LOG_FAILURES as failure:
            _log.error("%s of %s failed: %s", what, log.name, failure)
        if ends != (log.log_start_offset, log.high_watermark):
            self._broker.notify(log)
