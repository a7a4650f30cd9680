"""The background scrub: every sealed segment is read again and again, slowly.

Owns: the rate, the order, and that damage is told once, with what to do about it.
Must not know: how a segment is verified.

Damage stops nobody but those who read the damaged offsets: every read verifies what it returns, and refuses
those with the same ``CorruptRecord``. What a scrub adds is that somebody hears of it while a backup or the
records' source still has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import sleep
from streamz_core.log.errors import CorruptRecord
from streamz_core.log.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.broker.services import BrokerServices
    from streamz_core.log.partition_log import PartitionLog
    from streamz_core.log.scrub import ScrubTarget

ROUND_PAUSE_MS: Final = 60_000
"""Between two rounds, however little there is to read."""
_KNOWN_MAX: Final = 10_000

_log = logging.getLogger(__name__)


class Scrubbing:
    """The scrub of one broker."""

    def __init__(self, broker: BrokerServices, bytes_per_second: int) -> None:
        self._broker = broker
        self._bytes_per_second = bytes_per_second
        self._known: dict[tuple[str, int], None] = {}
        self.read_bytes = 0
        """Bytes verified since the broker was opened."""

    async def run_forever(self) -> None:
        """Round after round, at the rate that was set; returns at once where that is 0."""
        while self._bytes_per_second > 0:
            await sleep(self._broker.clock, ROUND_PAUSE_MS)
            await self.run_once()

    async def run_once(self) -> None:
        """Read every sealed segment there is now once."""
        for log in list(self._broker.directory.partitions()):
            if log.failure is not None:
                continue
            for target in log.scrub_targets():
                if self._is_there(log, target):
                    await self._scrub(log, target)

    def _is_there(self, log: PartitionLog, target: ScrubTarget) -> bool:
        return self._broker.log(log.topic, log.partition) is log and log.is_sealed(target.segment)

    async def _scrub(self, log: PartitionLog, target: ScrubTarget) -> None:
        with contextlib.closing(scrub(target)) as steps:
            try:
                while self._is_there(log, target):
                    read = await self._step(steps)
                    if read is None:
                        return
                    self.read_bytes += read
                    await sleep(self._broker.clock, max(1.0, read * 1000 / self._bytes_per_second))
            except CorruptRecord as damage:
                if self._is_there(log, target):
                    self._tell(damage)
            except OSError as failure:
                if self._is_there(log, target):
                    _log.warning("scrubbing %s failed: %s", target.segment.path, failure)

    async def _step(self, steps: Iterator[int]) -> int | None:
        """One step, in a thread where reading may block; whether or not it is cancelled, it ends."""
        if not self._broker.directory.files.blocks:
            return next(steps, None)
        job = asyncio.ensure_future(asyncio.to_thread(next, steps, None))
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            await asyncio.wait([job])
            raise

    def _tell(self, damage: CorruptRecord) -> None:
        place = (damage.path, damage.position)
        if place in self._known:
            return
        if len(self._known) >= _KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[place] = None
        _log.error(
            "%s; found by scrubbing: stop this process and run 'streamz repair' on the directory", damage
        )
