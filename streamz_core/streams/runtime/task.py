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
from typing import TYPE_CHECKING, Any, Final

from streamz_core.aio.deadline import wait_for
from streamz_core.aio.signal import Signal
from streamz_core.model import TopicPartition
from streamz_core.state.store import StoreCorrupt, StoreError
from streamz_core.streams.error_policy import ErrorAction
from streamz_core.streams.runtime.catch_up import CatchUp
from streamz_core.streams.runtime.committer import CommitWork
from streamz_core.streams.runtime.decoding import decode
from streamz_core.streams.runtime.failure_book import FailureBook
from streamz_core.streams.runtime.failures import (
    RecordFailed,
    RecordOrigin,
    TaskInterrupted,
)
from streamz_core.streams.runtime.input import PartitionInput
from streamz_core.streams.runtime.output import OutputBuffer
from streamz_core.streams.runtime.passed_over import PassedOver
from streamz_core.streams.runtime.positions import Positions
from streamz_core.streams.runtime.processors import ProcessorFailed, TaskProcessors
from streamz_core.streams.runtime.stores import TaskStores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.clock import Cancellable, Clock
    from streamz_core.protocol.record_batch import Columns
    from streamz_core.state.cache import CachedStore
    from streamz_core.state.global_store import GlobalStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.decoding import Undecodable
    from streamz_core.streams.runtime.failure_book import Verdict
    from streamz_core.streams.runtime.input import Slice
    from streamz_core.streams.runtime.output import OutputMark
    from streamz_core.streams.runtime.services import TaskServices
    from streamz_core.streams.topology import SourceSpec, SubTopology

_log = logging.getLogger(__name__)

SLICE_COST_RECORDS: Final = 20
"""What handling a slice takes beside its records, in records."""
CAUTIOUS_RECORDS: Final = 32
"""How many records are taken at once after one has failed: what goes before the next that does is done again."""
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


class Task:
    """Runs a sub-topology's processors over one partition; it is their ``ProcessorContext``."""

    def __init__(
        self, subtopology: SubTopology, partition: int, config: RuntimeConfig, services: TaskServices
    ) -> None:
        """``partition`` of every source topic that has it belongs to this task."""
        self.task_id: Final = f"{subtopology.name}_{partition}"
        self.partition: Final = partition
        self.state: Final = Signal(TaskState.CREATED)
        self.stream_time_ms = -1
        self.yield_requested = False
        self.has_committed = False
        self._config = config
        self._services = services
        self._subtopology = subtopology
        self._sources: dict[str, SourceSpec] = {
            topic: source for source in subtopology.sources for topic in source.topics
        }
        self._inputs = {
            TopicPartition(topic, partition): PartitionInput(
                TopicPartition(topic, partition), config.buffered_records_max
            )
            for topic in subtopology.topics
            if services.partition_counts.get(topic, 0) > partition
        }
        # Whether what a record finds depends on the order between its partition and the others.
        self._merges = bool(subtopology.stores) and len(self._inputs) > 1
        self._catch_up = CatchUp(services.consumer, services.clock, config.input_wait_max_ms)
        self._ends: Mapping[TopicPartition, int] = {}
        self._processors = TaskProcessors(subtopology)
        self._stores = TaskStores(self.task_id, partition, subtopology.stores, services.state)
        self._committer = services.make_committer(self.task_id)
        self._outputs = OutputBuffer(config.record_bytes_max)
        # As processors see it. Not methods here: agents call these for every record.
        self.send: Final = self._outputs.send
        self.send_columns: Final = self._outputs.send_columns
        self._passed_over = PassedOver(self._outputs, config.app_id, self.task_id)
        self._positions = Positions()
        self._book = FailureBook()
        self._wake = asyncio.Event()
        self._stop_requested = asyncio.Event()
        self._interruption: TaskInterrupted | None = None
        self._tick: Cancellable | None = None
        self._slice_records_max = config.slice_records_max
        self._cautious_records = 0
        """How many more records are handled with a savepoint before every slice."""
        self._savepoint: OutputMark | None = None
        """What had been sent before the slice in hand, where stores can go back to there too."""
        self._records_since_commit = 0
        self._work_since_others = 0
        self._flushed_at_ms = services.clock.monotonic_ms()

    # -- as processors see it ---------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The clock to ask for wall-clock time."""
        return self._services.clock

    def store(self, name: str) -> CachedStore:
        """This task's partition of a key-value store."""
        return self._stores.store(name)

    def window_store(self, name: str) -> WindowedStore:
        """This task's partition of a window store."""
        return self._stores.window_store(name)

    def any_store(self, name: str) -> Any:
        """This task's partition of a store of any kind."""
        return self._stores.any_store(name)

    @property
    def timestamp_ahead_max_ms(self) -> int:
        """How far ahead of the clock a timestamp may be to be believed."""
        return self._config.timestamp_ahead_max_ms

    def global_store(self, name: str) -> GlobalStore:
        """A global table of the process."""
        return self._services.global_store(name)

    def partition_count(self, topic: str) -> int:
        """How many partitions an output topic has."""
        return self._services.known_partitions(topic)

    async def reads_to_end(self) -> bool:
        """Whether no input is known to have more than was handed to the processors."""
        if any(queue.record_count for queue in self._inputs.values()):
            return False
        consumer = self._services.consumer
        for partition in self._inputs:
            end = consumer.last_stable_offset(partition)
            # The consumer's position, not the task's: markers at the end are no records.
            if end is None or await consumer.position(partition) < end:
                return False
        return True

    def request_commit(self) -> None:
        """Commit as soon as the record in hand is done."""
        self.yield_requested = True
        self._wake.set()

    # -- as the runtime sees it -------------------------------------------------------------------

    @property
    def context(self) -> Task:
        """The task as its processors' context: for reading its tables from outside."""
        return self

    @property
    def partitions(self) -> list[TopicPartition]:
        """The input partitions this task owns."""
        return list(self._inputs)

    @property
    def inputs(self) -> Mapping[TopicPartition, PartitionInput]:
        """What waits for the task."""
        return self._inputs

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
    def late_count(self) -> int:
        """Records that came after their window had closed."""
        return self._stores.late_count

    def add(self, partition: TopicPartition, columns: Columns) -> bool:
        """Queue fetched records; whether the partition should be paused."""
        waiting = self._inputs[partition]
        waiting.add(columns)
        self._wake.set()
        waiting.is_paused = waiting.wants_pause
        return waiting.is_paused

    def stop(self) -> None:
        """Finish the record in hand, commit, and end."""
        self._stop_requested.set()
        self.yield_requested = True
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
        await self._stores.open(services.changelog_reader, services.changelog_identities, services.on_restore)
        self._positions.start(committed, stream_time_ms=self._stores.stream_time_ms)
        self._ends = {partition: position.end for partition, position in committed.items()}
        self._seek()
        await self._processors.open(self)
        self.state.set(TaskState.RUNNING)
        services.on_task_changed()

    async def _close(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        graceful = self.state.value is not TaskState.FAILED
        # Whatever is cancelled or fails here, the stores' files must be let go of.
        try:
            await self._processors.close()
        finally:
            for waiting in self._inputs.values():
                waiting.clear()
            try:
                self._stores.close(flush=graceful)
            finally:
                await self._committer.close()
        if graceful:
            self.state.set(TaskState.CLOSED)

    # -- the loop ---------------------------------------------------------------------------------

    async def _loop(self) -> None:
        self._arm_tick()
        while not self._stopping:
            if self._interruption is not None:
                raise self._interruption
            waits = self._merges and await self._catch_up.must_wait(self._inputs.values())
            piece = None if waits else self._choose()
            if piece is not None:
                await self._make_savepoint()
                try:
                    await self._handle(piece)
                except ProcessorFailed as failure:
                    self._slice_records_max = min(CAUTIOUS_RECORDS, self._config.slice_records_max)
                    self._cautious_records = SAVEPOINT_RECORDS
                    await self._record_failed(piece, failure)
                else:
                    self._take_more(piece.stop - piece.start)
                await self._give_way(piece.stop - piece.start)
            else:
                if not self.yield_requested:
                    await self._wake.wait()
                    self._wake.clear()
                if self.yield_requested:
                    # Nothing came until the commit is due: what depends on time has its turn.
                    await self._processors.punctuate()
            if self._commit_is_due():
                await self._commit()

    async def _make_savepoint(self) -> None:
        """Before a slice: have what a failure in it goes back to, where that costs nothing or will be needed."""
        if self._stores.unsaved_records:
            if self._cautious_records <= 0:
                self._savepoint = None
                return
            # What operators hold back for the commit is theirs alone, and would be lost with them.
            await self._processors.flush()
            self._stores.savepoint()
        self._savepoint = self._outputs.mark()

    def _take_more(self, records: int) -> None:
        """Records came through together: as many as were asked for, so twice as many may be tried."""
        self._cautious_records -= records
        if records >= self._slice_records_max:
            self._slice_records_max = min(2 * records, self._config.slice_records_max)

    async def _give_way(self, records: int) -> None:
        """Let others run once a slice's worth of work was done; short slices cost more than their records."""
        self._work_since_others += records + SLICE_COST_RECORDS
        if self._work_since_others >= self._config.slice_records_max:
            self._work_since_others = 0
            await asyncio.sleep(0)

    def _choose(self) -> Slice | None:
        """The next records of the partition whose next record is the oldest.

        Where there is state that records of other partitions may change, not past their next record:
        what a record finds there follows from timestamps, not from which fetch was answered first.
        """
        waiting = [queue for queue in self._inputs.values() if queue.record_count]
        if not waiting:
            return None
        records_max = self._slice_records_max
        queue, up_to = waiting[0], None
        if len(waiting) > 1:
            waiting.sort(key=lambda queue: queue.head_timestamp)
            queue = waiting[0]
            if self._merges:
                up_to = waiting[1].head_timestamp
        alone = self._book.next_alone(queue.partition, queue.head_offset)
        if alone == queue.head_offset:
            return queue.peek(1)
        return queue.peek(records_max, up_to_timestamp=up_to, before_offset=alone)

    async def _handle(self, piece: Slice) -> None:
        origin = RecordOrigin(piece.partition, piece.columns.offsets[piece.start])
        alone = self._book.next_alone(*origin) == origin.offset
        if alone and not await self._prepare_alone(origin):
            return
        verdicts = self._book.verdicts(origin) if alone else _NO_VERDICTS
        source = self._sources[piece.partition.topic]
        latest_ms = self.clock.now_ms() + self._config.timestamp_ahead_max_ms
        decoded = decode(piece, source, self._positions.times[piece.partition], latest_ms)
        batch, stop, fatal = decoded.batch, len(decoded.batch), None
        if decoded.undecodable and source.on_decode_error.action is ErrorAction.FAIL:
            fatal = decoded.undecodable[0]
            stop = fatal.good_before
        done = await self._processors.process(batch, stop, passing=verdicts) if stop else 0
        if done:
            self._positions.observe(piece.partition, batch.stream_times[done - 1])
            self.stream_time_ms = max(self.stream_time_ms, batch.stream_times[done - 1])
        self._passed_over.undecodable(decoded, done, fatal, source)
        if alone and done:
            self._passed_over.verdicts(piece, verdicts)
            self._book.succeeded(origin)
        self._advance(piece, fatal.index if fatal and done == stop else decoded.column_index(done))
        await self._processors.punctuate()
        if fatal is not None and done == stop:
            await self._commit()
            raise self._undecodable_failure(piece, fatal)

    def _advance(self, piece: Slice, stop: int) -> None:
        queue = self._inputs[piece.partition]
        records = stop - piece.start
        if records:
            self._positions.advance(piece.partition, piece.columns.offsets[stop - 1] + 1)
            self._records_since_commit += records
            queue.advance(records)
        if queue.wants_resume:
            queue.is_paused = False
            self._services.consumer.resume(piece.partition)

    # -- commits ----------------------------------------------------------------------------------

    def _commit_is_due(self) -> bool:
        config = self._config
        return (
            self.yield_requested
            or self._records_since_commit >= config.commit_records_max
            or self._outputs.size_bytes >= config.commit_bytes_max
            or self._stores.dirty_records >= config.commit_records_max
            or self._stores.need_commit()
        )

    async def _commit(self) -> None:
        """Make everything handled so far permanent; does nothing where there is nothing."""
        self.yield_requested = self._stopping
        outputs, stores = self._outputs, self._stores
        await self._processors.flush()
        if self._positions.is_dirty or outputs.topics or stores.dirty_records:
            self.state.set(TaskState.COMMITTING)
            counts = await self._services.count_partitions(outputs.topics)
            work = CommitWork(
                offsets=self._positions.to_commit(),
                outputs=outputs.drain(counts),
                changes=stores.collect(self.stream_time_ms),
                now_ms=self.clock.now_ms(),
            )
            await self._committer.commit(work)
            stores.committed(self._committer.changelog_ends)
            await self._committer.offsets_stored(work)
            self._committed(work)
            self._flush_if_due()
            self.state.set(TaskState.RUNNING)
        self._records_since_commit = 0
        if not self._stopping:
            self._arm_tick()

    def _committed(self, work: CommitWork) -> None:
        self._positions.commit_done(work.offsets, self.stream_time_ms)
        self._book.committed(self._positions.committed)
        self._passed_over.committed()
        self._savepoint = self._outputs.mark()
        self.has_committed = True

    def _flush_if_due(self) -> None:
        now_ms = self.clock.monotonic_ms()
        if now_ms - self._flushed_at_ms >= self._config.state_flush_interval_ms:
            self._flushed_at_ms = now_ms
            self._stores.flush_soon()

    def _arm_tick(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        self._tick = self.clock.call_later(self._config.commit_interval_ms, self.request_commit)

    # -- failures ---------------------------------------------------------------------------------

    async def _record_failed(self, piece: Slice, failure: ProcessorFailed) -> None:
        """Decide by the processor's policy, and go back if that is not the end."""
        cause, spec = failure.cause, failure.spec
        if isinstance(cause, StoreError):
            raise cause  # the state failed, not the record
        origin = RecordOrigin(piece.partition, failure.offset)
        if failure.last_offset > failure.offset:
            self._book.failed_together(piece.partition, failure.offset, failure.last_offset)
            _log.warning(
                "processor %s failed on %s to %d, which it took together; trying each alone: %r",
                spec.name,
                origin,
                failure.last_offset,
                cause,
            )
            await self._go_back()
            return
        action = self._book.failed(origin, spec.name, spec.on_error, cause)
        if action is ErrorAction.FAIL:
            raise RecordFailed(
                f"processor {spec.name!r} of app {self._config.app_id!r} failed on {origin}: {cause!r}. "
                "Mend the code or the record, or give the processor an error policy (skip, dead letter)"
            ) from cause
        fate = "retrying" if action is None else action.value
        _log.warning("processor %s failed on %s (%s): %r", spec.name, origin, fate, cause)
        await self._go_back()

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
        self._records_since_commit = 0
        self._positions.rewind()
        self._seek()
        await self._processors.open(self)

    def _seek(self) -> None:
        self.stream_time_ms = self._positions.stream_time_ms
        self._catch_up.start(self._ends)
        consumer = self._services.consumer
        for partition, waiting in self._inputs.items():
            waiting.clear()
            waiting.is_paused = False
            consumer.seek(partition, self._positions.current[partition])
        consumer.resume(*self._inputs)

    async def _prepare_alone(self, origin: RecordOrigin) -> bool:
        """Before a suspect is tried again: commit what was before it, and wait. False: stopping."""
        suspect = self._book.suspect
        if suspect is None or suspect.origin != origin or not suspect.backoff_ms:
            return True
        await self._commit()
        backoff_ms, suspect.backoff_ms = suspect.backoff_ms, 0
        with suppress(TimeoutError):
            await wait_for(self.clock, self._stop_requested.wait(), backoff_ms)
        return not self._stopping

    def _undecodable_failure(self, piece: Slice, bad: Undecodable) -> RecordFailed:
        origin = RecordOrigin(piece.partition, piece.columns.offsets[bad.index])
        return RecordFailed(
            f"app {self._config.app_id!r}: {origin} does not decode: {bad.error}. "
            "Mend the producer or the record, or give the source an error policy (skip, dead letter)"
        )
