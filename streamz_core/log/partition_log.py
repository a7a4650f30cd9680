"""One partition: append, read, sync, retention, in terms of offsets.

Owns: the segments of a partition and the order in which memory and disk change.
Must not know: other partitions, the catalog, event loops, time (it is told).

Single-threaded by contract: all calls come from one owner; only ``SyncTicket.run`` may run elsewhere
meanwhile. An append is in the operating system when it returns, at the durability it was asked for only
when ``durable_offset`` has passed it.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Generator, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from streamz_core.errors import StreamzError
from streamz_core.log import compaction, partition_metadata, snapshot
from streamz_core.log.capture import PartitionCapture, capture
from streamz_core.log.compaction import CompactionResult
from streamz_core.log.compaction_run import SwapInterrupted, compact_segments
from streamz_core.log.config import NEVER, TopicConfig
from streamz_core.log.errors import CorruptRecord, OffsetOutOfRange, PartitionFailed, StorageFailure
from streamz_core.log.files import Buffer
from streamz_core.log.kept_batches import Content, as_kept, may_write_as_encoded, place
from streamz_core.log.log_start import LogStart, naming
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_reader import PartitionReader
from streamz_core.log.producer_state import Producer, ProducerState
from streamz_core.log.recovery import Recovered, Recovery
from streamz_core.log.recovery_point import RecoveryPoint, RecoveryPointFile
from streamz_core.log.replay import take_in
from streamz_core.log.retention import count_expired, is_expired
from streamz_core.log.rolling import roll_after_ms
from streamz_core.log.scrub import ScrubTarget
from streamz_core.log.segment import Segment, SegmentSummary
from streamz_core.log.segment_writer import SegmentWriter
from streamz_core.log.segments import Segments
from streamz_core.log.sync import SyncTicket, Unsynced
from streamz_core.log.validation import Batches, validate
from streamz_core.log.visibility import Visibility
from streamz_core.model import Durability
from streamz_core.protocol.control import end_txn_marker
from streamz_core.protocol.record_batch import EncodedBatches, split

SNAPSHOT_INTERVAL_BYTES: Final = 16 << 20
"""How much may be appended before a sync also leaves a snapshot."""


class Appended(NamedTuple):
    """Where a produced batch went; ``duplicate``: it had been there before and was not written again."""

    base_offset: int
    last_offset: int
    log_append_time_ms: int
    """-1 where the topic keeps the producer's timestamps."""
    duplicate: bool


class PartitionLog:
    """One partition's log. Made by ``LogDirectory``."""

    def __init__(
        self,
        directory: PartitionDirectory,
        config: TopicConfig,
        log_start_offset: int,
        recovered: Recovered,
        point_file: RecoveryPointFile,
        deletions_kept_from: int = 0,
    ) -> None:
        self.topic = directory.topic
        self.partition = directory.partition
        self.name = directory.name
        """``<topic>-<partition>``, as messages name it."""
        self.config = config
        self.failure: StreamzError | None = None
        """Why this partition serves nothing, if it does not."""
        self.truncated_bytes = recovered.truncated_bytes
        """What opening cut off as never acknowledged."""
        self._directory = directory
        self._open_files = directory.open_files
        self._point_file = point_file
        self._segments = Segments(directory, recovered.segments)
        self._producers = recovered.producers
        self._visibility = Visibility(recovered.next_offset, recovered.producers.first_open_offset)
        self._unsynced = Unsynced(directory.open_files, directory.path)
        self._poison: StorageFailure | None = None
        self._writer = SegmentWriter(directory, self._segments, self._unsynced, recovered.next_offset)
        self._snapshot_due_bytes = SNAPSHOT_INTERVAL_BYTES
        self._has_changed = recovered.replayed_bytes > 0
        self._start = LogStart(
            directory, self._segments, recovered.producers, log_start_offset, deletions_kept_from
        )
        self._reader = PartitionReader(directory, self._segments, config.index_interval_bytes)

    @classmethod
    def open(cls, directory: PartitionDirectory, config: TopicConfig, now_ms: int) -> PartitionLog:
        """Recover the partition in ``directory``.

        Rot, or a disk that cannot be read, does not raise: the log is there with ``failure`` set, and
        every use of it raises that.
        """
        point_file = RecoveryPointFile(
            directory.open_files, f"{directory.path}/recovery-point", directory.topic_id, directory.partition
        )
        start = 0
        failure: StreamzError
        try:
            metadata = partition_metadata.load_own(directory)
            start = metadata.log_start_offset
            recovery = Recovery(directory, metadata, now_ms, config.index_interval_bytes)
            kept_from = metadata.deletions_kept_from
            return cls(directory, config, start, recovery.run(point_file), point_file, kept_from)
        except OSError as error:
            failure = StorageFailure(directory.name, "opening", error.filename or directory.path, error)
        except (CorruptRecord, PartitionFailed) as error:
            failure = error
        log = cls(directory, config, start, Recovered([], ProducerState(), start, 0, 0), point_file)
        log.failure = failure
        return log

    @classmethod
    def made(
        cls, directory: PartitionDirectory, config: TopicConfig, point_file: RecoveryPointFile
    ) -> PartitionLog:
        """The log of a partition that was just made: there is nothing to recover."""
        return cls(directory, config, 0, Recovered([], ProducerState(), 0, 0, 0), point_file)

    # -- offsets --------------------------------------------------------------------------------------

    @property
    def topic_id(self) -> UUID:
        """The topic's id; a topic made anew under the same name has another."""
        return self._directory.topic_id

    @property
    def log_start_offset(self) -> int:
        """The first offset that may be read."""
        return self._start.offset

    @property
    def deletions_kept_from(self) -> int:
        """Who has read up to here at least misses no deletion: below, compaction has dropped tombstones."""
        return self._start.deletions_kept_from

    @property
    def log_end_offset(self) -> int:
        """The offset the next record gets."""
        return self._visibility.log_end_offset

    @property
    def durable_offset(self) -> int:
        """All below it survives a power cut."""
        return self._visibility.durable_offset

    @property
    def high_watermark(self) -> int:
        """All below it may be shown to readers."""
        return self._visibility.high_watermark

    @property
    def last_stable_offset(self) -> int:
        """All below it belongs to no open transaction."""
        return max(self._visibility.last_stable_offset, self.log_start_offset)

    @property
    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return self._segments.size_bytes

    def open_producers(self) -> dict[int, tuple[int, int]]:
        """Producer id -> (epoch, first offset) of each open transaction."""
        return self._producers.open_transactions()

    def producers(self) -> Mapping[int, Producer]:
        """Producer id -> what is remembered of it."""
        return self._producers.producers()

    def next_sequence(self, producer_id: int, producer_epoch: int) -> int:
        """The sequence that the producer's next batch must have."""
        return self._producers.next_sequence(producer_id, producer_epoch)

    def expire_producers(self, elapsed_ms: float, expiration_ms: int) -> int:
        """Forget producers silent for too long; see ``ProducerState.expire``."""
        return self._producers.expire(elapsed_ms, expiration_ms)

    # -- appending ------------------------------------------------------------------------------------

    def append(self, records: Buffer | EncodedBatches, *, level: Durability, now_ms: int) -> Appended:
        """Append whole batches, all or none of them.

        A ``bytearray`` is the log's to write their offsets into; other buffers are left as they are.
        ``EncodedBatches`` are written from where they are, their checksums believed, unless this topic changes its
        batches.

        Raises ``InvalidRecords``, ``RecordTooLarge``, ``OutOfOrderSequence``, ``ProducerFenced``,
        ``InvalidTxnState`` (nothing was written), ``StorageFailure`` (nothing is left of it).
        """
        self._require_writable()
        if isinstance(records, EncodedBatches) and not may_write_as_encoded(self.config):
            records = records.joined()
        batches = validate(self.name, records, self.config, now_ms)
        headers = [header for _, header in batches]
        known = self._producers.check(self.name, headers)
        if known is not None:
            return Appended(known.first_offset, known.last_offset, known.append_time_ms, True)
        content, batches = as_kept(self.name, records, batches, self.config, now_ms)
        append_time = now_ms if self.config.message_timestamp_type == "LogAppendTime" else -1
        base_offset = self.log_end_offset
        self._write(content, batches, level, now_ms)
        return Appended(base_offset, self.log_end_offset - 1, append_time, False)

    def append_marker(
        self, producer_id: int, producer_epoch: int, committed: bool, *, level: Durability, now_ms: int
    ) -> Appended:
        """End the producer's transaction here. Raises ``ProducerFenced``, ``StorageFailure``."""
        self._require_writable()
        self._producers.check_marker(self.name, producer_id, producer_epoch)
        marker = end_txn_marker(
            committed=committed, producer_id=producer_id, producer_epoch=producer_epoch, timestamp=now_ms
        )
        self._write(bytearray(marker), split(marker), level, now_ms)
        offset = self.log_end_offset - 1
        return Appended(offset, offset, -1, False)

    def _write(self, content: Content, batches: Batches, level: Durability, now_ms: int) -> None:
        visibility = self._visibility
        data, frames = place(content, batches, visibility.log_end_offset)
        size, offset = len(content), batches[-1][1].next_offset
        segment = self._writer.write(data, size, offset, self.config, now_ms)
        interval = self.config.index_interval_bytes
        headers = [header for _, header in batches]
        for marker, first in take_in(segment, self._producers, headers, frames, now_ms, interval):
            visibility.transaction_ended(marker, first)
        self._has_changed = True
        self._snapshot_due_bytes -= size
        visibility.appended(
            offset, sync=level is Durability.SYNC, first_open_offset=self._producers.first_open_offset
        )

    # -- reading --------------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int, *, up_to: int) -> bytes | memoryview:
        """Whole batches as they stand on disk, from the one that holds ``offset``, below ``up_to``.

        At least one batch if there is one, even if it is larger than ``max_bytes``; the first may begin
        before ``offset``. Empty where ``offset`` is at ``up_to``. Raises ``OffsetOutOfRange``,
        ``CorruptRecord`` (the damaged offsets), ``StorageFailure``.
        """
        self._require_usable()
        visibility = self._visibility
        if not self.log_start_offset <= offset <= visibility.log_end_offset:
            raise OffsetOutOfRange(self.name, offset, self.log_start_offset, visibility.log_end_offset)
        return self._reader.read(offset, max_bytes, up_to)

    # -- syncing --------------------------------------------------------------------------------------

    def prepare_sync(self) -> SyncTicket | None:
        """What makes everything appended so far durable; None if all is."""
        self._require_writable()
        if not self._unsynced.is_dirty:
            return None
        active = self._segments.active
        point = RecoveryPoint(active.base_offset, active.size_bytes, active.next_offset)
        with naming(self._directory, "syncing"):
            ticket = self._unsynced.ticket(point)
        if self._snapshot_due_bytes <= 0:
            self._snapshot_due_bytes = SNAPSHOT_INTERVAL_BYTES
            with contextlib.suppress(OSError):  # a cache
                ticket.snapshot = snapshot.encode(self._directory, active, self._producers)
        return ticket

    def complete_sync(self, ticket: SyncTicket) -> None:
        """The ticket ran: move the durable offset and the high watermark, note the recovery point."""
        self._unsynced.complete(ticket)
        if ticket.offset < self.durable_offset or self.failure is not None:
            return
        self._visibility.synced(ticket.offset)
        # Both are caches: an older recovery point only makes the next opening slower.
        with contextlib.suppress(OSError):
            self._point_file.write(ticket.point)
            if ticket.snapshot is not None:
                snapshot.write(self._directory, ticket.offset, ticket.snapshot)

    def fail_sync(self, ticket: SyncTicket, error: OSError) -> StorageFailure:
        """The ticket failed: take no more appends. Reads go on up to the high watermark.

        Returns what to tell those who wait. Where that is not ``poisoned`` (for lack of handles nothing was
        tried) appends go on, and the next ticket covers the same.
        """
        self._unsynced.release(ticket)
        path = ticket.paths[0] if ticket.paths else self._directory.path
        if error.errno in (errno.EMFILE, errno.ENFILE):  # the directory could not be opened to sync it
            return StorageFailure(self.name, "syncing", self._directory.path, error)
        self._poison = StorageFailure(self.name, "syncing", path, error, poisoned=True)
        return self._poison

    def sync(self) -> None:
        """Make everything durable before returning; blocks. Raises ``StorageFailure``."""
        ticket = self.prepare_sync()
        if ticket is None:
            return
        try:
            ticket.run()
        except OSError as error:
            raise self.fail_sync(ticket, error) from error
        self.complete_sync(ticket)

    # -- looking up -----------------------------------------------------------------------------------

    def offset_for_timestamp(self, timestamp_ms: int) -> tuple[int, int] | None:
        """(offset, timestamp) of the first record with this timestamp or a later one."""
        self._require_usable()
        return self._reader.first_at_or_after(timestamp_ms, self.log_start_offset)

    def max_timestamp(self) -> tuple[int, int] | None:
        """(offset, timestamp) of the first record that has the latest timestamp."""
        self._require_usable()
        return self._reader.latest(self.log_start_offset)

    def aborted_transactions(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """(producer id, first offset, last offset) of the aborted transactions in ``[start, stop)``."""
        self._require_usable()
        return self._reader.aborted_between(start, stop)

    # -- retention ------------------------------------------------------------------------------------

    def delete_records_before(self, offset: int) -> None:
        """Let the log start at ``offset``; whole segments below it go. Durable when it returns.

        Raises ``OffsetOutOfRange`` beyond the high watermark, ``StorageFailure``.
        """
        self._require_usable()
        if not 0 <= offset <= self.high_watermark:
            raise OffsetOutOfRange(self.name, offset, self.log_start_offset, self.high_watermark)
        if offset <= self.log_start_offset:
            return
        if self._unsynced.is_dirty and self._poison is None:
            self.sync()  # or a power cut could leave a log that ends before it starts
        self._start.cut_below(offset)

    def apply_retention(self, now_ms: int) -> int:
        """Remove what ``retention.ms`` and ``retention.bytes`` give up; the number of segments removed.

        Only what is durable and below the last stable offset goes. Raises ``StorageFailure``.
        """
        self._require_writable()
        self._start.unlink_due(now_ms)
        if len(self._segments) > 0 and is_expired(self._segments.active.summary, self.config, now_ms):
            self._writer.roll()
            self.sync()
        count = count_expired([one.summary for one in self._segments], self.config, now_ms)
        return self._remove_oldest(count, now_ms + self.config.file_delete_delay_ms)

    def sealed_summaries(self) -> list[SegmentSummary]:
        """What is known of the segments that take no appends any more, oldest first."""
        return [segment.summary for segment in self._segments.sealed]

    def remove_oldest(self, count: int) -> int:
        """Remove the oldest ``count`` segments at once, whatever their age; the number of segments removed.

        As ``apply_retention``: only what is durable and below the last stable offset, never the active segment.
        """
        self._require_writable()
        return self._remove_oldest(min(count, len(self._segments) - 1), 0)

    def _remove_oldest(self, count: int, due_ms: int) -> int:
        limit = min(self.durable_offset, self.last_stable_offset)
        while count > 0 and self._segments[count - 1].next_offset > limit:
            count -= 1
        if count <= 0:
            return 0
        if self._unsynced.is_dirty:
            self.sync()  # what follows the removed segments must be there after a crash
        self._start.remove_segments(count, due_ms)
        return count

    def compact(self, now_ms: int) -> CompactionResult:
        """Rewrite old segments of a compacted topic if enough of them is dirty; blocks while it does.

        Raises ``CorruptRecord`` (nothing was changed), ``StorageFailure``.
        """
        return compaction.finish(self.compaction_steps(now_ms))

    def compaction_steps(self, now_ms: int) -> Generator[None, None, CompactionResult]:
        """``compact``, about a batch a step: between two steps the owner may do what it wants.

        Removing segments, or closing the steps, ends the run; what it has rewritten so far stays.
        """
        self._require_writable()
        self._roll_overdue(now_ms)
        summaries = [segment.summary for segment in self._segments]
        limit = min(self.durable_offset, self.last_stable_offset)
        count = compaction.count_cleanable(summaries, self.config, limit, now_ms)
        if not self.config.is_compacted or not compaction.is_worth_it(summaries[:count], self.config, now_ms):
            return CompactionResult()
        if self._unsynced.is_dirty:
            self.sync()
        try:
            steps = compact_segments(
                self._directory,
                self._segments,
                self._producers,
                self._reader,
                self._point_file,
                self.config,
                count=count,
                now_ms=now_ms,
                start=self._start,
            )
            return (yield from steps)
        except SwapInterrupted as error:
            # Some of the steps may have been taken; only opening the partition anew finds out which.
            self.failure = StorageFailure(self.name, "compacting", self._directory.path, error.cause)
            raise self.failure from error

    def _roll_overdue(self, now_ms: int) -> None:
        """Seal the active segment if ``max.compaction.lag.ms`` has passed: where nobody appends nothing else does."""
        if (
            not self.config.is_compacted
            or self.config.max_compaction_lag_ms == NEVER
            or len(self._segments) == 0
        ):
            return
        summary = self._segments.active.summary
        after_ms = roll_after_ms(self.config, self.name, summary.base_offset)
        if summary.batch_count and now_ms - summary.created_ms > after_ms:
            self._writer.roll()
            self.sync()

    # -- the rest -------------------------------------------------------------------------------------

    def scrub_targets(self) -> list[ScrubTarget]:
        """The sealed segments of which every byte is durable, oldest first."""
        self._require_usable()
        return [
            ScrubTarget(self.name, segment, segment.summary)
            for segment in self._segments.sealed
            if segment.next_offset <= self.durable_offset
        ]

    def is_sealed(self, segment: Segment) -> bool:
        """Whether ``segment`` is one of this log's sealed segments now."""
        return any(one is segment for one in self._segments.sealed)

    def capture(self, staging_path: str) -> PartitionCapture:
        """Keep what the log is at this moment under second names in ``staging_path``, for a backup.

        Raises why the partition takes no appends, if it does not, and ``StorageFailure``.
        """
        self._require_writable()
        with naming(self._directory, "capturing"):
            start, durable = self.log_start_offset, self.durable_offset
            return capture(self._directory, self._segments, self._producers, start, durable, staging_path)

    def update_config(self, config: TopicConfig) -> None:
        """Use other settings from now on."""
        self.config = config
        self._reader.index_interval_bytes = config.index_interval_bytes

    def close(self) -> None:
        """Sync, and leave a snapshot so that the next opening has nothing to replay."""
        try:
            if self.failure is None and self._poison is None:
                with contextlib.suppress(StorageFailure):  # then the next opening gives it back
                    self._writer.end_active()
                self.sync()
                if self._has_changed and len(self._segments) > 0:
                    active = self._segments.active
                    with contextlib.suppress(OSError):  # a cache
                        data = snapshot.encode(self._directory, active, self._producers)
                        snapshot.write(self._directory, active.next_offset, data)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of every handle without a sync, as a crash would."""
        for segment in self._segments:
            self._open_files.forget(segment.path)
        self._open_files.forget(self._point_file.path)
        self._unsynced.abandon()

    def drop_sync(self, ticket: SyncTicket) -> None:
        """The ticket is over and the log abandoned: its files need not stay open for it."""
        self._unsynced.release(ticket)

    def _require_usable(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _require_writable(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._poison is not None:
            raise self._poison
