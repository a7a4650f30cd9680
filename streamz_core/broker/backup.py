"""A backup of a data directory while its broker serves.

Owns: what of it runs on the event loop (the moment itself) and what in a thread.
Must not know: what a backup consists of; ``streamz_core.log.backup`` does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from streamz_core.log.backup import Backup, BackupSummary

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.broker.broker import Broker

ResultT = TypeVar("ResultT")


async def back_up(broker: Broker, target: str, *, links: bool = True) -> BackupSummary:
    """Back the broker's directory up to ``target``, a path that is not there yet; see ``log.backup``.

    Requests are served meanwhile, but for the moment in which all partitions are captured: a few system
    calls for each segment. Everything acknowledged before the call is in it. Raises ``TargetNotEmpty``,
    ``BackupDamaged``, and why a partition cannot be backed up; then nothing has the target's name.
    """
    backup = Backup(broker.directory, target, broker.clock.now_ms(), links=links)
    blocks = broker.directory.files.blocks
    try:
        await _off_loop(backup.prepare, blocks=blocks)
        backup.capture()
        return await _off_loop(backup.write, blocks=blocks)
    finally:
        await _off_loop(backup.discard, blocks=blocks)


async def _off_loop(work: Callable[[], ResultT], *, blocks: bool) -> ResultT:
    """Run ``work`` to its end, in a thread if it blocks, whether or not the caller is cancelled meanwhile."""
    if not blocks:
        return work()
    job = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        # The files it is at must not be removed under it.
        await asyncio.wait([job])
        raise
