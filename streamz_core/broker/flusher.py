"""Group commit: making what was appended durable, for many waiters with few fdatasyncs.

Owns: who waits for which partition to be durable up to where, and which partitions hold data that is
written and not synced.
Must not know: who appended, or what durability was asked for.

The first waiter of a partition starts a sync at the end of the loop's present turn, so that appends
of the same turn share it; whoever comes while it runs shares the next. Partitions that wait at the
same moment are synced together, a few at a time. A failed fdatasync is never tried again: the
partition's log takes no more appends, its waiters are told why, other partitions go on. Where no sync
could be tried for lack of handles, the waiters are told so too, and ``flush`` tries it later.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from streamz_core.broker.log_failures import STOPPED, PartitionDeleted, SyncCancelled
from streamz_core.broker.sync_threads import SyncThreads
from streamz_core.log.errors import StorageFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from streamz_core.broker.log_failures import Stopped
    from streamz_core.broker.sync_threads import Ended
    from streamz_core.log.partition_log import PartitionLog
    from streamz_core.log.sync import SyncTicket

_log = logging.getLogger(__name__)

_ROUND_MAX: Final = 128
"""Partitions synced in one round: each keeps a file open meanwhile."""

Outcome: TypeAlias = "Stopped | PartitionDeleted | SyncCancelled | None"
"""How a wait ended: the failure as a value, so that a waiter who left leaves no unseen exception."""


class _PartitionSync:
    """What one partition waits for."""

    __slots__ = ("ended", "in_flight", "waiters")

    def __init__(self) -> None:
        self.waiters: list[tuple[int, asyncio.Future[Outcome]]] = []
        self.in_flight = False
        self.ended: asyncio.Future[None] | None = None
        """Done when the sync in flight has ended; only where somebody asked for it."""

    def end(self) -> None:
        """The sync in flight has ended."""
        self.in_flight = False
        if self.ended is not None:
            self.ended.set_result(None)
            self.ended = None


class Flusher:
    """Syncs partitions on behalf of waiters; lives on one event loop."""

    def __init__(self, *, blocks: bool, threads: int, on_durable: Callable[[PartitionLog], None]) -> None:
        """``blocks``: whether a datasync blocks; if not, it runs at once and in place.

        ``on_durable`` is called after a sync of a partition has ended, well or not.
        """
        self._loop = asyncio.get_running_loop()
        self._on_durable = on_durable
        self._threads_max = threads
        self._threads: SyncThreads[list[OSError | None]] | None = None
        if blocks:
            self._threads = SyncThreads(self._loop, threads)
        self._states: dict[PartitionLog, _PartitionSync] = {}
        self._unsynced: dict[PartitionLog, None] = {}
        self._wanted: dict[PartitionLog, None] = {}
        self._quiet: dict[PartitionLog, None] = {}
        self._round_planned = False
        self._stopped: Outcome = None
        """What whoever comes after ``close`` is told."""

    def mark_unsynced(self, log: PartitionLog) -> bool:
        """``log`` was written to: ``flush`` is to sync it if nobody waits for it before.

        Answers whether everything in it had been synced until now.
        """
        if log in self._unsynced:
            return False
        self._unsynced[log] = None
        return True

    def request(self, log: PartitionLog, offset: int) -> asyncio.Future[Outcome] | None:
        """A future of the outcome once ``log`` is durable below ``offset``; None if it is already."""
        if log.durable_offset >= offset:
            return None
        assert offset <= log.log_end_offset, f"{log.name} ends at {log.log_end_offset}, not at {offset}"
        waiter: asyncio.Future[Outcome] = self._loop.create_future()
        if self._threads is not None and self._stopped is None:
            self._states.setdefault(log, _PartitionSync()).waiters.append((offset, waiter))
            self._want(log)
            return waiter
        failure = self._stopped or self._sync_in_place(log)
        if log.durable_offset >= offset:
            return None
        waiter.set_result(failure)
        return waiter

    async def durable(self, log: PartitionLog, offset: int) -> None:
        """Return once ``log`` is durable below ``offset``; raises ``StorageFailure`` if it cannot be."""
        waiter = self.request(log, offset)
        if waiter is not None and (outcome := await waiter) is not None:
            raise outcome

    async def durable_all(self, positions: Iterable[tuple[PartitionLog, int]]) -> None:
        """As ``durable`` for several partitions, synced together; the first failure is raised."""
        waiters = [self.request(log, offset) for log, offset in positions]
        outcomes = [await waiter for waiter in waiters if waiter is not None]
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def visible(self, log: PartitionLog, offset: int) -> None:
        """Return once readers see everything below ``offset``; raises as ``durable``."""
        if log.high_watermark < offset:
            # Only an append that is not durable yet can hold the high watermark back.
            await self.durable(log, offset)

    def flush(self) -> None:
        """Start making everything durable that is written and not synced."""
        for log in list(self._unsynced):
            self.sync(log)

    def sync(self, log: PartitionLog) -> None:
        """Start making ``log`` durable, if there is anything to do."""
        if log not in self._unsynced:
            return
        if self._threads is None:
            self._sync_in_place(log)
        else:
            self._want(log)

    async def drain(self) -> None:
        """Return once everything is durable, or its failure has been logged."""
        waiters = [self.request(log, log.log_end_offset) for log in list(self._unsynced)]
        for waiter in waiters:
            if waiter is not None:
                await waiter

    @contextlib.asynccontextmanager
    async def quiet(self, log: PartitionLog) -> AsyncIterator[None]:
        """While this is open no thread syncs ``log``: its files may be closed, renamed and removed.

        Waiters come and wait; their sync starts when it ends. Do not await inside for long.
        """
        self._quiet[log] = None
        try:
            state = self._states.get(log)
            while state is not None and state.in_flight:
                state.ended = state.ended or self._loop.create_future()
                await asyncio.shield(state.ended)
            yield
        finally:
            self._quiet.pop(log, None)
            if log in self._wanted:
                self._want(log)

    def forget(self, log: PartitionLog) -> None:
        """``log`` is deleted: its waiters are told so, a sync that runs is ignored."""
        self._drop(log, PartitionDeleted(f"{log.name} was deleted while its records were being synced"))

    def close(self) -> None:
        """Tell who still waits that it is over, and end the threads."""
        self._stopped = SyncCancelled("the broker stopped before the records were synced; they may be lost")
        for log in [*self._states, *self._unsynced]:
            self._drop(log, self._stopped)
        if self._threads is not None:
            self._threads.close()

    def _drop(self, log: PartitionLog, outcome: Outcome) -> None:
        self._unsynced.pop(log, None)
        self._wanted.pop(log, None)
        state = self._states.pop(log, None)
        if state is not None:
            state.end()
            _resolve([waiter for _, waiter in state.waiters], outcome)

    def _want(self, log: PartitionLog) -> None:
        self._wanted[log] = None
        if not self._round_planned:
            self._round_planned = True
            self._loop.call_soon(self._start_round)

    def _start_round(self) -> None:
        self._round_planned = False
        tickets: list[tuple[PartitionLog, SyncTicket]] = []
        for log in list(self._wanted):
            state = self._states.setdefault(log, _PartitionSync())
            if state.in_flight or log in self._quiet:
                continue  # stays wanted: its next round starts when this one, or the quiet, ends
            if len(tickets) == _ROUND_MAX:
                break  # as do these
            del self._wanted[log]
            try:
                ticket = log.prepare_sync()
            except STOPPED as failure:
                self._settle(log, state, failure)
                continue
            if ticket is None:
                self._settle(log, state, None)
                continue
            state.in_flight = True
            tickets.append((log, ticket))
        for first in range(min(self._threads_max, len(tickets))):
            self._submit(tickets[first :: self._threads_max])

    def _submit(self, tickets: list[tuple[PartitionLog, SyncTicket]]) -> None:
        assert self._threads is not None
        work = partial(_run_all, [ticket for _, ticket in tickets])
        self._threads.submit(work, partial(self._end_round, tickets))

    def _end_round(
        self, tickets: list[tuple[PartitionLog, SyncTicket]], ended: Ended[list[OSError | None]]
    ) -> None:
        # A fault of ours is no verdict on the disk, but nobody can say what was synced: all failed.
        errors = ended.result or [OSError(errno.EIO, repr(ended.fault))] * len(tickets)
        for (log, ticket), error in zip(tickets, errors, strict=True):
            state = self._states.get(log)
            if state is None:
                log.drop_sync(ticket)  # deleted meanwhile
                continue
            state.end()
            self._settle(log, state, _complete(log, ticket, error))
        if self._wanted and not self._round_planned:
            self._start_round()
        if ended.fault is not None:
            raise ended.fault

    def _settle(self, log: PartitionLog, state: _PartitionSync, failure: Outcome) -> None:
        """Answer the waiters of a sync that has ended; those that came too late for it wait on."""
        durable = log.durable_offset
        reached = [waiter for offset, waiter in state.waiters if offset <= durable]
        beyond = [(offset, waiter) for offset, waiter in state.waiters if offset > durable]
        _resolve(reached, None)
        if failure is not None:
            _resolve([waiter for _, waiter in beyond], failure)
            beyond = []
            _log.error("%s", failure)
        if durable >= log.log_end_offset or (failure is not None and _is_final(failure)):
            self._unsynced.pop(log, None)
        state.waiters = beyond
        if beyond:
            self._want(log)
        else:
            del self._states[log]
        self._on_durable(log)

    def _sync_in_place(self, log: PartitionLog) -> Outcome:
        self._unsynced.pop(log, None)
        try:
            ticket = log.prepare_sync()
        except STOPPED as stopped:
            return stopped
        if ticket is None:
            return None
        failure = _complete(log, ticket, _run_all([ticket])[0])
        if failure is not None:
            _log.error("%s", failure)
            if not _is_final(failure):
                self._unsynced[log] = None
        self._on_durable(log)
        return failure


def _run_all(tickets: list[SyncTicket]) -> list[OSError | None]:
    """Run in a thread; one failing disk must not keep the others from their sync."""
    errors: list[OSError | None] = []
    for ticket in tickets:
        try:
            ticket.run()
        except OSError as error:
            errors.append(error)
        else:
            errors.append(None)
    return errors


def _complete(log: PartitionLog, ticket: SyncTicket, error: OSError | None) -> Outcome:
    if error is None:
        log.complete_sync(ticket)
        return None
    return log.fail_sync(ticket, error)


def _is_final(failure: Outcome) -> bool:
    """Whether the partition takes no more syncs; else ``flush`` tries again."""
    return not isinstance(failure, StorageFailure) or failure.poisoned


def _resolve(waiters: Iterable[asyncio.Future[Outcome]], outcome: Outcome) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(outcome)
