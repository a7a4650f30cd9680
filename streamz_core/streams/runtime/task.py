"""``Task``: one partition of a sub-topology at work.

Owns: the task's states, its loop, its positions, and the order of everything that happens in it:
choose input, decode, process, punctuate, commit, and going back after a failure.
Must not know: the group, assignments, other tasks, who started it.

At every commit all records below the committed offsets are handled entirely, and none above is begun.
The loop gives way to the event loop between slices, and only there.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import wait_for
from streamz_core.aio.signal import Signal
from streamz_core.state.store import StoreCorrupt, StoreError
from streamz_core.streams.error_policy import ErrorAction
from streamz_core.streams.runtime.commit_schedule import CommitSchedule
from streamz_core.streams.runtime.committer import CommitWork
from streamz_core.streams.runtime.decoding import decode, stream_time_after
from streamz_core.streams.runtime.failure_book import FailureBook
from streamz_core.streams.runtime.failures import (
    RecordFailed,
    RecordOrigin,
    TaskFailed,
    TaskInterrupted,
)
from streamz_core.streams.runtime.intake import Intake
from streamz_core.streams.runtime.passed_over import PassedOver
from streamz_core.streams.runtime.positions import Positions
from streamz_core.streams.runtime.processors import FlushFailed, ProcessorFailed, TaskProcessors
from streamz_core.streams.runtime.stores import TaskStores
from streamz_core.streams.runtime.task_context import TaskContext
from streamz_core.streams.runtime.task_metrics import task_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.model import TopicPartition
    from streamz_core.protocol.record_batch import Columns
    from streamz_core.streams.round import BadRecord, Part, Round
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.failure_book import Verdict
    from streamz_core.streams.runtime.input import PartitionInput
    from streamz_core.streams.runtime.output import OutputMark
    from streamz_core.streams.runtime.services import TaskServices
    from streamz_core.streams.topology import SubTopology

_log = logging.getLogger(__name__)

SLICE_COST_RECORDS: Final = 20
"""What handling a slice takes beside its records, in records."""

SAVEPOINT_RECORDS: Final = 100_000
"""So many records after a failure, slices with changed state begin with a savepoint: about 1 us for each changed
key, where the next failure would cost the work since the last commit."""

_NO_VERDICTS: Final[Mapping[str, Verdict]] = {}


class TaskState(Enum):
    """Where a task is in its life."""

    CREATED = "created"
    RESTORING = "restoring"
    RUNNING = "running"
    COMMITTING = "committing"
    FAILED = "failed"
    CLOSED = "closed"


def task_id(subtopology: SubTopology, partition: int) -> str:
    """What a task is called, in logs, transactional ids and the state directory."""
    return f"{subtopology.name}_{partition}"


class Task(TaskContext):
    """Runs a sub-topology's processors over one partition; it is their ``ProcessorContext``."""

    def __init__(
        self, subtopology: SubTopology, partition: int, config: RuntimeConfig, services: TaskServices
    ) -> None:
        """``partition`` of every source topic that has it belongs to this task."""
        name = task_id(subtopology, partition)
        book = FailureBook()
        super().__init__(
            name,
            partition,
            config,
            services,
            TaskStores(name, partition, subtopology.stores, services.state),
            Intake(subtopology, partition, config, services, book),
        )
        self.state: Final = Signal(TaskState.CREATED)
        self.commit_count = 0
        """Commits in this task's life."""
        self._subtopology = subtopology
        self._ends: Mapping[TopicPartition, int] = {}
        self._processors = TaskProcessors(subtopology)
        self._committer = services.make_committer(self.task_id)
        self._passed_over = PassedOver(self._outputs, config.app_id, self.task_id)
        self._positions = Positions()
        self._book = book
        self._stop_requested = asyncio.Event()
        self._interruption: TaskInterrupted | None = None
        self._schedule = CommitSchedule(config, services.clock, self.request_commit)
        self._cautious_records = 0
        """How many more records are handled with a savepoint before every slice."""
        self._savepoint: OutputMark | None = None
        """What had been sent before the slice in hand, where stores can go back to there too."""
        self._work_since_others = 0
        self._flushed_at_ms = services.clock.monotonic_ms()

    # -- as the runtime sees it -------------------------------------------------------------------

    @property
    def context(self) -> Task:
        """The task as its processors' context: for reading its tables from outside."""
        return self

    @property
    def partitions(self) -> list[TopicPartition]:
        """The input partitions this task owns."""
        return list(self._intake.inputs)

    @property
    def inputs(self) -> Mapping[TopicPartition, PartitionInput]:
        """What waits for the task."""
        return self._intake.inputs

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """The next offset to handle, by input partition."""
        return self._positions.current

    @property
    def committed(self) -> Mapping[TopicPartition, int]:
        """The committed offsets, by input partition."""
        return self._positions.committed

    @property
    def skipped_count(self) -> int:
        """Records skipped by policy, in this task's life."""
        return self._passed_over.skipped_count

    @property
    def dead_letter_count(self) -> int:
        """Dead letters sent, in this task's life."""
        return self._passed_over.dead_letter_count

    @property
    def metrics(self) -> Mapping[str, int]:
        """What the task counts, as of now."""
        return task_metrics(self, self._services.consumer)

    @property
    def stores(self) -> TaskStores:
        """The stores, for reading what is committed in them."""
        return self._stores

    @property
    def late_count(self) -> int:
        """Records that came after their window had closed."""
        return self._stores.late_count

    def add(self, partition: TopicPartition, columns: Columns) -> bool:
        """Queue fetched records; whether the partition should be paused."""
        self._wake.set()
        return self._intake.add(partition, columns)

    def stop(self) -> None:
        """Finish the record in hand, commit, and end."""
        self._stop_requested.set()
        self.commit_request.is_pending = True
        self._wake.set()

    def interrupt(self, reason: TaskInterrupted) -> None:
        """End at the next chance, without a commit; ``run`` raises ``reason``."""
        self._interruption = reason
        self.request_commit()

    async def run(self) -> None:
        """Restore, then process until stopped; ends with a commit.

        Raises ``TaskInterrupted`` (a fresh task may take over from the last commit) or what made
        going on impossible. In any case everything is closed.
        """
        try:
            await self._open()
            await self._loop()
            await self._commit()
        except StoreCorrupt as damage:
            self.state.set(TaskState.FAILED)
            self._stores.discard_files(damage)
            raise TaskInterrupted(f"task {self.task_id}: {damage}") from damage
        except BaseException:
            self.state.set(TaskState.FAILED)
            raise
        finally:
            await self._close()
            self._services.on_task_changed()

    @property
    def _stopping(self) -> bool:
        return self._stop_requested.is_set()

    async def _open(self) -> None:
        self.state.set(TaskState.RESTORING)
        services = self._services
        await self._committer.open()
        committed = await services.committed_positions(self.partitions)
        await self._stores.open(
            services.changelog_reader,
            services.changelog_identities,
            services.on_restore,
            services.source_changelogs,
            {partition: position.offset for partition, position in committed.items()},
        )
        self._positions.start(committed, stream_time_ms=self._stores.stream_time_ms)
        self._ends = {partition: position.end for partition, position in committed.items()}
        self._seek()
        await self._processors.open(self)
        self.state.set(TaskState.RUNNING)
        services.on_task_changed()

    async def _close(self) -> None:
        self._schedule.end()
        self._alarm.cancel()
        self._services.commit_stalls.ended(self.task_id, self.clock.monotonic_ms())
        graceful = self.state.value is not TaskState.FAILED
        # Whatever is cancelled or fails here, the stores' files must be let go of.
        try:
            await self._processors.close()
        finally:
            self._intake.clear()
            try:
                self._stores.close(flush=graceful)
            finally:
                self._files.close()
                await self._committer.close()
        if graceful:
            self.state.set(TaskState.CLOSED)

    # -- the loop ---------------------------------------------------------------------------------

    async def _loop(self) -> None:
        self._schedule.begin()
        while not self._stopping:
            if self._interruption is not None:
                raise self._interruption
            if not await self._make_savepoint():
                continue
            round_ = await self._intake.next()
            if round_ is not None:
                try:
                    await self._handle(round_)
                except ProcessorFailed as failure:
                    self._intake.take_less()
                    self._cautious_records = SAVEPOINT_RECORDS
                    await self._record_failed(failure)
                else:
                    self._intake.take_more(round_.count)
                    await self._route_outputs()
                    self._cautious_records -= round_.count
                await self._give_way(round_.count)
            else:
                if self._schedule.is_worthwhile and await self._intake.reads_to_end():
                    self._schedule.caught_up()
                if not self.commit_request.is_pending:
                    await self._wake.wait()
                    self._wake.clear()
                if self._alarm.take() or self.commit_request.is_pending:
                    # Nothing came until a timer or the commit is due: what depends on time has its turn.
                    await self._processors.punctuate()
            if self._commit_is_due():
                await self._commit()

    async def _make_savepoint(self) -> bool:
        """Before a slice: have what a failure in it goes back to, where that costs nothing or will be needed.

        False where something that was held back failed: the task went back to its last commit.
        """
        if self._stores.unsaved_records:
            if self._cautious_records <= 0:
                self._savepoint = None
                return True
            # What operators hold back for the commit is theirs alone, and would be lost with them.
            try:
                await self._processors.flush()
            except FlushFailed as failure:
                await self._held_back_failed(failure)
                return False
            self._stores.savepoint()
        self._savepoint = self._outputs.mark()
        return True

    async def _give_way(self, records: int) -> None:
        """Let others run once a slice's worth of work was done; short slices cost more than their records."""
        self._work_since_others += records + SLICE_COST_RECORDS
        if self._work_since_others >= self._config.slice_records_max:
            self._work_since_others = 0
            await asyncio.sleep(0)

    async def _handle(self, round_: Round) -> None:
        origin = RecordOrigin(*round_.first)
        alone = self._book.next_alone(*origin) == origin.offset
        if alone and not await self._prepare_alone(origin):
            return
        verdicts = self._book.verdicts(origin) if alone else _NO_VERDICTS
        latest_ms = self._intake.latest_ms
        batch = None
        if not self._subtopology.takes_rounds:
            is_shared = len(self._subtopology.processors) > 1
            batch = decode(round_, self._positions.times[origin.partition], latest_ms, keep=is_shared)
        done = await self._processors.process(round_, batch, passing=verdicts)
        if alone and done:
            await self._hold_nothing_back(origin)
            self._passed_over.verdicts(round_.parts[0], verdicts)
            self._book.succeeded(origin)
        for part, count in zip(round_.parts, round_.taken(done), strict=True):
            if count:
                self._observe(part, count, latest_ms)
                self._advance(part, part.start, count)
        await self._processors.punctuate()
        if round_.bad is not None and round_.bad.order == done:
            await self._pass_over(round_, round_.bad)

    def _observe(self, part: Part, count: int, latest_ms: int) -> None:
        """The first ``count`` records of ``part`` are handled: time has come that far."""
        before = self._positions.times[part.source]
        time_ms = stream_time_after(part, count, before, latest_ms)
        self._positions.observe(part.source, time_ms)
        self.stream_time_ms = max(self.stream_time_ms, time_ms)

    def _advance(self, part: Part, start: int, count: int) -> None:
        """``count`` records of the part's chunk, from ``start`` on, are done with."""
        self._positions.advance(part.source, part.chunk.columns.offsets[start + count - 1] + 1)
        self._schedule.records += count
        self._intake.advance(part.source, count)

    async def _pass_over(self, round_: Round, bad: BadRecord) -> None:
        """Leave behind what does not decode, with everything before it handled; or fail."""
        part = round_.parts[bad.part]
        source = self._intake.inputs[part.source].source
        errors = self._passed_over.by_policy(part.chunk.failures(bad.index, part.stop), source)
        if not errors:
            if await self._commit():
                raise self._undecodable_failure(part, bad.index)
            return
        self._passed_over.undecodable(part, bad.index, errors, source)
        self._advance(part, bad.index, len(errors))

    # -- commits ----------------------------------------------------------------------------------

    async def _route_outputs(self) -> None:
        """Have what was sent to topics not seen before wait as the rest does: by partition, encoded."""
        unrouted = self._outputs.unrouted
        if unrouted:
            self._outputs.route(await self._services.count_partitions(unrouted))

    def _commit_is_due(self) -> bool:
        config = self._config
        return (
            self.commit_request.is_pending
            or self._schedule.is_full
            or self._outputs.size_bytes >= config.commit_bytes_max
            or self._stores.dirty_records >= config.commit_records_max
            or self._stores.need_commit()
        )

    async def _commit(self) -> bool:
        """Make everything handled so far permanent; does nothing where there is nothing.

        False where something that was held back failed: the task went back to its last commit.
        """
        self.commit_request.is_pending = self._stopping
        outputs, stores = self._outputs, self._stores
        try:
            await self._processors.flush()
        except FlushFailed as failure:
            await self._held_back_failed(failure)
            return False
        if self._positions.is_dirty or outputs.topics or stores.dirty_records:
            self.state.set(TaskState.COMMITTING)
            self._services.commit_stalls.began(self.task_id, self.clock.monotonic_ms())
            counts = await self._services.count_partitions(outputs.topics)
            work = CommitWork(
                offsets=self._positions.to_commit(),
                outputs=outputs.drain(counts),
                changes=stores.collect(self.stream_time_ms),
                now_ms=self.clock.now_ms(),
            )
            await self._committer.commit(work)
            stores.committed(self._committer.changelog_ends, self._positions.current)
            self._services.on_changes(self, work.changes)
            await self._committer.offsets_stored(work)
            self._committed(work)
            self._flush_if_due()
            self.state.set(TaskState.RUNNING)
        self._schedule.records = 0
        if not self._stopping:
            self._schedule.begin()
        return True

    def _committed(self, work: CommitWork) -> None:
        self._positions.commit_done(work.offsets, self.stream_time_ms)
        self._book.committed(self._positions.committed)
        self._passed_over.committed()
        self._savepoint = self._outputs.mark()
        self._schedule.committed()
        self._services.commit_stalls.ended(self.task_id, self.clock.monotonic_ms())
        self.commit_count += 1

    def _flush_if_due(self) -> None:
        now_ms = self.clock.monotonic_ms()
        if now_ms - self._flushed_at_ms >= self._config.state_flush_interval_ms:
            self._flushed_at_ms = now_ms
            self._stores.flush_soon()

    # -- failures ---------------------------------------------------------------------------------

    async def _record_failed(self, failure: ProcessorFailed) -> None:
        """Decide by the processor's policy, and go back if that is not the end."""
        cause, spec = failure.cause, failure.spec
        if isinstance(cause, StoreError):
            raise cause  # the state failed, not the record
        origin = failure.origin
        if failure.last_offset > origin.offset:
            self._book.failed_together(*origin, failure.last_offset)
            _log.warning(
                "processor %s failed on %s to %d, which it took together; trying each alone: %r",
                spec.name,
                origin,
                failure.last_offset,
                cause,
            )
            await self._go_back()
            return
        action = self._book.failed(origin, spec.name, failure.policy, cause)
        if action is ErrorAction.FAIL:
            raise RecordFailed(
                f"{failure.who} of app {self._config.app_id!r} failed on {origin}: {cause!r}. "
                "Mend the code or the record, or give the processor an error policy (skip, dead letter)"
            ) from cause
        fate = "retrying" if action is None else action.value
        _log.warning("%s failed on %s (%s): %r", failure.who, origin, fate, cause)
        await self._go_back()

    async def _held_back_failed(self, failure: FlushFailed) -> None:
        """Go back, to find the record behind it: each alone, with nothing held back after it."""
        if isinstance(failure.error.cause, StoreError):
            raise failure.error.cause
        if not self._book.failed_held_back(self._positions.handled):
            raise TaskFailed(
                f"app {self._config.app_id!r}, task {self.task_id}: {failure}. No record stands behind it that could "
                "be passed over: mend the step"
            ) from failure.error.cause
        _log.warning("%s; trying each record since the last commit alone", failure)
        await self._rewind()

    async def _hold_nothing_back(self, origin: RecordOrigin) -> None:
        """Where what was held back has failed: send on what the record brought about, to see whether it does."""
        if not self._book.holds_nothing_back(origin):
            return
        try:
            await self._processors.flush()
        except FlushFailed as failure:
            raise failure.blamed_on(origin) from failure.error.cause
        if not self._book.holds_nothing_back(origin._replace(offset=origin.offset + 1)):
            self.request_commit()

    async def _go_back(self) -> None:
        """To before the slice in hand, where there is a savepoint; else to the last commit."""
        if self._savepoint is None:
            await self._rewind()
            return
        await self._processors.close()
        self._outputs.go_back(self._savepoint)
        self._stores.go_back()
        await self._processors.open(self)

    async def _rewind(self) -> None:
        await self._processors.close()
        self._outputs.clear()
        self._stores.discard()
        self._passed_over.discard()
        self._schedule.records = 0
        self._positions.rewind()
        self._seek()
        await self._processors.open(self)

    def _seek(self) -> None:
        self.stream_time_ms = self._positions.stream_time_ms
        self._intake.start(self._positions.current, self._positions.times, self._ends)

    async def _prepare_alone(self, origin: RecordOrigin) -> bool:
        """Before a suspect is tried again: commit what was before it, and wait. False: stopping."""
        suspect = self._book.suspect
        if suspect is None or suspect.origin != origin or not suspect.backoff_ms:
            return True
        if not await self._commit():
            return False
        backoff_ms, suspect.backoff_ms = suspect.backoff_ms, 0
        with suppress(TimeoutError):
            await wait_for(self.clock, self._stop_requested.wait(), backoff_ms)
        return not self._stopping

    def _undecodable_failure(self, part: Part, index: int) -> RecordFailed:
        origin = RecordOrigin(part.source, part.chunk.columns.offsets[index])
        return RecordFailed(
            f"app {self._config.app_id!r}: {origin} does not decode: {part.chunk.failures(index, index + 1)[0]}. "
            "Mend the producer or the record, or give the source an error policy (skip, dead letter)"
        )
