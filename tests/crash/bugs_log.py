"""Owns: planted bugs of the log: what is synced when, what recovery believes, what compaction keeps."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.log import (
    catalog,
    compaction,
    compaction_run,
    lookup,
    partition_log,
    partition_metadata,
    producer_state,
    recovery,
    segment_scan,
    snapshot,
    swap,
)
from streamz_core.log.log_start import LogStart
from streamz_core.log.partition_directories import PartitionDirectories
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_log import PartitionLog
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.recovery import Recovery
from streamz_core.log.segment_writer import SegmentWriter
from streamz_core.log.sync import SyncTicket, Unsynced
from streamz_core.log.txn_index import TxnIndex
from streamz_core.protocol.batch_header import BatchHeader
from streamz_core.testing.recording_files import RecordedFile, RecordingFiles
from tests.crash import workloads
from tests.crash.planting import (
    Bug,
    after,
    crash,
    crash_inside_recovery,
    errno_run,
    instead,
    kill,
    kill_after_rename,
    model,
    nothing,
    replace,
    without,
    without_first,
)
from tests.unit.log.test_compaction_model import CompactionMachine
from tests.unit.log.test_partition_model import PartitionMachine


def _count_as_durable(ticket: SyncTicket | None, log: PartitionLog) -> None:
    if ticket is not None:
        log._visibility.synced(ticket.offset)


def _note_the_point(ticket: SyncTicket | None, log: PartitionLog) -> None:
    if ticket is not None:
        log._point_file.write(ticket.point)


def _keeps_catalogs_epoch(original: Any) -> Any:
    def store(files: Any, path: str, listed: Any) -> None:
        same = listed.owner_epoch if listed.topics else 0
        original(
            files,
            path,
            type(listed)(owner_epoch=min(same, 1), topics=listed.topics, deleting=listed.deleting),
        )

    return store


def _one_byte_short(original: Any) -> Any:
    def write_again(self: Recovery, segment: Any, start: int) -> None:
        original(self, segment, start)
        if self._truncated_bytes:
            self._directory.open_files.get(segment.path).truncate(segment.size_bytes - 1)

    return write_again


def _takes_aborted_for_committed(_: Any) -> Any:
    return lambda self, header: False


def _at_once(original: Any) -> Any:
    def init(self: Any, aborted: Any, remembered: Any, delete_retention_ms: int, now_ms: int) -> None:
        original(self, aborted, remembered, -1_000_000, now_ms)

    return init


def _forgets_producers(original: Any) -> Any:
    return lambda directory, active, producers: original(directory, active, ProducerState())


def _remembers_first(original: Any) -> Any:
    def update(self: ProducerState, header: Any, offset: int) -> None:
        known = self.producer(header.producer_id)
        batches = list(known.batches) if known is not None else []
        original(self, header, offset)
        if known is not None and len(batches) == producer_state.BATCHES_REMEMBERED:
            known.batches = batches

    return update


def _in_place(_: Any) -> Any:
    return catalog.checksummed.write


def _removes_before(original: Any) -> Any:
    def start_at(self: LogStart, offset: int) -> None:
        while len(self._segments) > 1 and self._segments[0].next_offset <= offset:
            self._remove_first(0)
        original(self, offset)

    return start_at


def _only_the_first(original: Any) -> Any:
    def store(files: Any, path: str, metadata: Any) -> None:
        if not files.exists(f"{path}/partition.metadata"):
            original(files, path, metadata)

    return store


def _unsynced(original: Any) -> Any:
    def rewrite(*arguments: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(RecordedFile, "datasync", lambda _: None)
            return (yield from original(*arguments))

    return rewrite


def _swaps_without_sync(_: Any) -> Any:
    def replace_files(directory: PartitionDirectory, bases: list[int]) -> None:
        first = bases[0]
        name = swap.layout.offset_name(first, swap._SWAP)
        directory.files.rename(swap.cleaned_path(directory, first), directory.path_of(name))
        swap._finish(directory, first, bases[1:])

    return replace_files


def _keeps_the_first(original: Any) -> Any:
    def note(buffer: bytes, position: int, header: BatchHeader, latest: dict[bytes, int]) -> Any:
        known = dict(latest)
        found = original(buffer, position, header, latest)
        latest.update(known)
        return found

    return note


def _one_more(original: Any) -> Any:
    return lambda summaries, config, now_ms: min(original(summaries, config, now_ms) + 1, len(summaries) - 1)


def _one_segment_late(original: Any) -> Any:
    def find(segments: Any, *arguments: Any) -> Any:
        return original(segments if len(segments) < 2 else _Without(segments), *arguments)

    return find


class _Without:
    """The segments but the first."""

    def __init__(self, segments: Any) -> None:
        self._segments = segments

    def __iter__(self) -> Any:
        return iter(list(self._segments)[1:])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._segments, name)


def _ignores_epoch(original: Any) -> Any:
    def end(self: ProducerState, header: Any, **named: Any) -> Any:
        known = self.producer(header.producer_id)
        epoch, batches = (known.epoch, known.batches) if known is not None else (header.producer_epoch, [])
        ended = original(self, header, **named)
        now = self.producer(header.producer_id)
        assert now is not None
        now.epoch, now.batches = epoch, batches
        return ended

    return end


SYNCING = (
    Bug("a sync that does not sync", replace(SyncTicket, "run", nothing), crash(workloads.single_appends)),
    Bug(
        "a file's sync left out", replace(RecordedFile, "datasync", nothing), crash(workloads.single_appends)
    ),
    Bug(
        "room behind a sealed segment's batches is taken for rot",
        replace(recovery, "is_blank", instead(lambda *_args: False)),
        errno_run(workloads.preallocated, "I/O error on sync"),
    ),
    Bug("directory syncs left out", replace(RecordingFiles, "sync_dir", nothing), crash(workloads.rolls)),
    Bug(
        "the name of a new segment is not synced",
        replace(Unsynced, "changed_directory", nothing),
        crash(workloads.rolls),
    ),
    Bug(
        "shown before it is durable",
        replace(PartitionLog, "high_watermark", instead(property(lambda log: log.log_end_offset))),
        crash(workloads.group_commits),
    ),
    Bug(
        "the high watermark moves when the sync begins",
        replace(PartitionLog, "prepare_sync", after(_count_as_durable)),
        crash(workloads.group_commits),
    ),
    Bug(
        "the recovery point is written before the sync",
        replace(PartitionLog, "prepare_sync", after(_note_the_point)),
        crash(workloads.group_commits),
    ),
    Bug(
        "a failed sync is forgotten",
        replace(PartitionLog, "fail_sync", nothing),
        errno_run(workloads.group_commits, "I/O error on sync"),
    ),
    Bug(
        "what a failed append left is not cut off",
        replace(SegmentWriter, "_mend", nothing),
        errno_run(workloads.rolls, "disk full in the middle of a write"),
    ),
    Bug(
        "an owner epoch is given out twice",
        replace(catalog, "store_catalog", _keeps_catalogs_epoch),
        crash(workloads.clean_restarts),
    ),
)

RECOVERING = (
    Bug(
        "checksums ignored at recovery",
        replace(segment_scan, "check_crc", instead(lambda *_args: True)),
        crash(workloads.single_appends),
    ),
    Bug(
        "the recovered tail is not synced",
        replace(Recovery, "_write_again", nothing),
        kill(workloads.mixed_levels),
    ),
    Bug(
        "a torn tail is cut one byte short",
        replace(Recovery, "_write_again", _one_byte_short),
        crash_inside_recovery(workloads.single_appends),
    ),
    Bug(
        "a name that a killed process left is taken for durable: the log start",
        replace(Recovery, "_list_segments", without(PartitionDirectory, "sync")),
        kill_after_rename(workloads.delete_records),
    ),
    Bug(
        "a name that a killed process left is taken for durable: a compacted segment",
        replace(recovery, "finish_interrupted", without_first(PartitionDirectory, "sync")),
        kill_after_rename(workloads.compaction),
    ),
    Bug(
        "segments behind a torn one are kept",
        replace(Recovery, "_drop_from", nothing),
        crash(workloads.rolls),
    ),
    Bug(
        "an interrupted compaction is not finished",
        replace(swap, "_finish", nothing),
        crash(workloads.compaction_of_transactions),
    ),
    Bug(
        "snapshots tell of no producer",
        replace(snapshot, "encode", _forgets_producers),
        crash(workloads.checkpoints),
    ),
    Bug(
        "producers are forgotten with the segments that told of them",
        replace(ProducerState, "before", instead(lambda *_args: ProducerState())),
        crash(workloads.producers_outlive_segments),
    ),
)

CHANGING = (
    Bug(
        "the catalog is overwritten in place",
        replace(catalog.checksummed, "replace", _in_place),
        crash(workloads.topics),
    ),
    Bug(
        "segments are removed before the log start is durable",
        replace(LogStart, "move_to", _removes_before),
        crash(workloads.delete_records),
    ),
    Bug(
        "the new log start is not written down",
        replace(partition_metadata, "store", _only_the_first),
        crash(workloads.delete_records),
    ),
    Bug(
        "a deleted topic's leftovers are not known as such",
        replace(PartitionDirectories, "_is_of", instead(lambda *_args: False)),
        crash(workloads.topics),
    ),
    Bug(
        "compacted segments are replaced without a sync in between",
        replace(swap, "replace", _swaps_without_sync),
        crash(workloads.compaction_of_transactions),
    ),
    Bug(
        "a rewritten segment is not synced before it counts",
        replace(compaction_run, "_rewrite", _unsynced),
        crash(workloads.compaction_of_transactions),
    ),
    Bug(
        "the recovery point speaks of a segment that compaction removes",
        replace(compaction_run, "_speak_of_active", nothing),
        crash(workloads.compaction),
    ),
    Bug(
        "tombstones go before their time",
        replace(compaction.Compaction, "__init__", _at_once),
        crash(workloads.compaction_of_transactions),
    ),
    Bug(
        "compaction keeps the first record of a key",
        replace(compaction, "note_keys", _keeps_the_first),
        model(CompactionMachine),
    ),
    Bug(
        "aborted records replace committed ones",
        replace(compaction.Compaction, "_is_aborted", _takes_aborted_for_committed),
        crash(workloads.compaction_of_transactions),
    ),
)

PRODUCING = (
    Bug(
        "an abort marker is not indexed",
        replace(TxnIndex, "add", nothing),
        crash(workloads.transactions),
    ),
    Bug(
        "four batches of a producer are remembered, not five",
        replace(producer_state, "BATCHES_REMEMBERED", instead(4)),
        crash(workloads.checkpoints),
    ),
    Bug(
        "a producer's newest batch is not remembered",
        replace(ProducerState, "update", _remembers_first),
        crash(workloads.checkpoints),
    ),
    Bug(
        "a marker's epoch is not taken over",
        replace(ProducerState, "end_transaction", _ignores_epoch),
        crash(workloads.kills),
    ),
)

ANSWERING = (
    Bug(
        "compaction forgets what a producer sent last",
        replace(ProducerState, "remembered_offsets", instead(lambda _: frozenset())),
        crash(workloads.compaction_of_transactions),
    ),
    Bug(
        "retention removes a segment too many",
        replace(partition_log, "count_expired", _one_more),
        model(PartitionMachine),
    ),
    Bug(
        "a lookup by time begins one segment late",
        replace(lookup, "first_at_or_after", _one_segment_late),
        model(PartitionMachine),
    ),
)

LOG_BUGS = (*SYNCING, *RECOVERING, *CHANGING, *PRODUCING, *ANSWERING)
