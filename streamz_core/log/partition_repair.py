"""Making one damaged partition serve again, at the price of what is damaged and nothing else.

Owns: what is to be done to a partition's files, and the order in which it is done so that a crash at any
point leaves a partition that is whole, or still refuses by name, and is repaired by the same steps again.
Must not know: the catalog, the lock, what is printed.

Offsets that are given up are taken by an empty batch, as compaction leaves them: the log keeps its offsets
and readers pass over them. Where an abort marker was lost, and the transaction index still tells of it, the
marker is written again, or records of an aborted transaction would be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from streamz_core.log import layout, partition_metadata, snapshot, swap
from streamz_core.log.check import Finding, Severity
from streamz_core.log.config import TopicConfig
from streamz_core.log.lost_and_found import LostAndFound
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_metadata import PartitionMetadata
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.recovery_point import RecoveryPoint, RecoveryPointFile
from streamz_core.log.replay import replay
from streamz_core.log.salvage import Expected, Kind, Stretch, Survey
from streamz_core.log.segment import Segment, SegmentSummary
from streamz_core.log.segment_scan import LEADER_EPOCH
from streamz_core.progress import UNHEARD, Progress
from streamz_core.protocol.control import end_txn_marker
from streamz_core.protocol.record_batch import assign, encode

_ALL_CERTAIN: Final = 1 << 62
_DELTA_MAX: Final = (1 << 31) - 1
_COPY_BYTES: Final = 1 << 20
_UNFINISHED: Final = (layout.DELETED_SUFFIX, layout.CLEANED_SUFFIX, layout.TEMPORARY_SUFFIX)


class Measure(NamedTuple):
    """A finding, and what a repair does about it; an empty ``action`` if it can do nothing."""

    finding: Finding
    action: str

    def __str__(self) -> str:
        return f"{self.finding}\n  -> {self.action or 'nothing can be done: restore it from a backup'}"


class _Surveyed(NamedTuple):
    base: int
    stretches: list[Stretch]
    epochs: dict[int, int]
    summary: SegmentSummary | None
    """As it was sealed, if that is known."""
    aborted: list[tuple[int, int]] | None
    """(offset of the marker, producer id) of the transactions aborted in it, if that is known."""

    @property
    def kinds(self) -> set[Kind]:
        return {stretch.kind for stretch in self.stretches}

    @property
    def is_damaged(self) -> bool:
        return bool(self.kinds & {Kind.LOST, Kind.MENDED})

    @property
    def next_offset(self) -> int:
        kept = [stretch.next_offset for stretch in self.stretches if stretch.kind is not Kind.TORN]
        return kept[-1] if kept else self.base


class PartitionRepair:
    """One look at a partition, and what follows from it."""

    def __init__(
        self, directory: PartitionDirectory, config: TopicConfig, now_ms: int, progress: Progress = UNHEARD
    ) -> None:
        self._directory = directory
        self._progress = progress
        self._config = config
        self._now_ms = now_ms
        self._measures: list[Measure] = []
        self._point_file = RecoveryPointFile(
            directory.open_files,
            directory.path_of(layout.RECOVERY_POINT_FILE),
            directory.topic_id,
            directory.partition,
        )
        self._point: RecoveryPoint | None = None
        self._metadata: PartitionMetadata | None = None
        self._unfinished: list[str] = []
        self._dead: list[int] = []
        self._dropped: list[int] = []
        self._live: list[_Surveyed] = []
        self._new_start: int | None = None

    def plan(self) -> list[Measure]:
        """Read the partition and say what is to be done; changes nothing."""
        self._point = self._point_file.read()
        self._metadata = self._known_metadata()
        if self._metadata is None:
            return self._measures
        self._plan_unfinished()
        self._plan_segments(self._metadata.log_start_offset)
        return self._measures

    def execute(self, kept: LostAndFound) -> None:
        """Do what ``plan`` said. Raises ``OSError``; run again, it goes on."""
        directory = self._directory
        if self._metadata is None:
            return
        if partition_metadata.load(directory.files, directory.path) is None:
            kept.take(directory.path_of(layout.METADATA_FILE))
            partition_metadata.store(directory.files, directory.path, self._metadata)
        for name in self._unfinished:
            kept.take(directory.path_of(name))
        if swap.finish_interrupted(directory):
            # The bytes are others than those looked at.
            self._forget_segments()
            self._plan_segments(self._metadata.log_start_offset)
        self._drop(kept)
        self._cut(kept)
        self._rewrite_damaged(kept)
        if self._new_start is not None:
            kept.keep(directory.path_of(layout.METADATA_FILE))
            moved = msgspec.structs.replace(self._metadata, log_start_offset=self._new_start)
            partition_metadata.store(directory.files, directory.path, moved)

    def rebuild_caches(self, kept: LostAndFound) -> None:
        """Find seals and indexes of the sealed segments out of the log; those that are right stay."""
        directory = self._directory
        for offset in directory.offsets(layout.SNAPSHOT_SUFFIX):
            if snapshot.read(directory, offset) is None:
                kept.take(directory.path_of(layout.offset_name(offset, layout.SNAPSHOT_SUFFIX)))
        producers = ProducerState()
        known = {one.base: one.summary for one in self._live}
        for base in directory.offsets(layout.LOG_SUFFIX)[:-1]:
            self._rebuild(base, known.get(base), producers, kept)
        directory.sync()

    # -- looking ------------------------------------------------------------------------------------------

    def _known_metadata(self) -> PartitionMetadata | None:
        directory = self._directory
        found = partition_metadata.load(directory.files, directory.path)
        path = directory.path_of(layout.METADATA_FILE)
        if found is not None:
            if (found.topic_id, found.partition) == (directory.topic_id.bytes, directory.partition):
                return found
            self._find(Severity.DAMAGE, path, f"belongs to {found.topic}-{found.partition}", "")
            return None
        if self._point is None:
            self._find(Severity.DAMAGE, path, "missing or damaged, and nothing else tells whose it is", "")
            return None
        bases = directory.offsets(layout.LOG_SUFFIX)
        start = bases[0] if bases else self._point.next_offset
        action = f"write it anew: the log starts at offset {start}"
        self._find(Severity.DAMAGE, path, "missing or damaged", action)
        return PartitionMetadata(
            topic=directory.topic,
            partition=directory.partition,
            topic_id=directory.topic_id.bytes,
            log_start_offset=start,
        )

    def _plan_unfinished(self) -> None:
        directory = self._directory
        bases = set(directory.offsets(layout.LOG_SUFFIX))
        for name in directory.files.listdir(directory.path):
            is_swap = name.endswith(layout.LOG_SUFFIX + layout.SWAP_SUFFIX)
            if name.endswith(_UNFINISHED):
                self._set_aside(name, "left by work that a crash interrupted")
            elif is_swap and not swap.is_sound(directory, name):
                self._set_aside(name, "a compaction that did not finish, and damaged")
            elif is_swap:
                path = directory.path_of(name)
                self._find(Severity.LEFTOVER, path, "a compaction that did not finish", "finish it")
            elif not _belongs(name, bases):
                self._set_aside(name, "belongs to no segment")

    def _set_aside(self, name: str, message: str) -> None:
        self._unfinished.append(name)
        self._find(Severity.LEFTOVER, self._directory.path_of(name), message, "set it aside")

    def _plan_segments(self, start: int) -> None:
        bases = self._directory.offsets(layout.LOG_SUFFIX)
        self._dead = [base for base, after in pairwise(bases) if after <= start]
        bases = bases[len(self._dead) :]
        for base in self._dead:
            self._find(Severity.LEFTOVER, self._log_path(base), "below the log's start", "set it aside")
        point = self._point
        if not bases:
            if point is not None and point.next_offset > start:
                self._lose_beginning(start, point.next_offset)
            return
        if bases[0] > start:
            if point is not None and point.next_offset <= start:
                self._drop_all(bases)
                return
            self._lose_beginning(start, bases[0])
        for place, base in enumerate(bases):
            after = bases[place + 1] if place + 1 < len(bases) else None
            if not self._survey(base, after, last=bases[-1]):
                self._drop_all(bases[place + 1 :])
                return

    def _forget_segments(self) -> None:
        self._dead, self._dropped, self._live, self._new_start = [], [], [], None

    def _lose_beginning(self, start: int, stop: int) -> None:
        self._new_start = stop
        action = f"give them up: let the log start at offset {stop}"
        message = "no segment file holds these offsets"
        self._find(Severity.DAMAGE, self._directory.path, message, action, start, stop)

    def _drop_all(self, bases: list[int]) -> None:
        self._dropped = bases
        for base in bases:
            message = "follows a torn end: never acknowledged at level SYNC"
            self._find(Severity.TORN, self._log_path(base), message, "set it aside")

    def _survey(self, base: int, after: int | None, *, last: int) -> bool:
        """Look at one segment; False if it is torn, so that what follows does not count."""
        directory = self._directory
        segment = Segment(directory.open_files, directory.path, base)
        seal = segment.read_seal(directory.topic_id, directory.partition) if after is not None else None
        size = directory.files.size_of(segment.path)
        expected = self._expected(base, after, last)
        if seal is not None:
            expected = expected._replace(gaps=seal.summary.is_compacted)
        if seal is not None and (size > seal.summary.size_bytes or seal.summary.next_offset != after):
            seal = None
        aborted = None
        if seal is not None and segment.load_indexes(seal.digests) and segment.indexes is not None:
            entries = map(segment.indexes.offsets.entry, range(len(segment.indexes.offsets)))
            is_compacted = seal.summary.is_compacted
            expected = expected._replace(
                indexed={entry.position: entry.offset for entry in entries},
                is_dense=is_compacted and len(segment.indexes.offsets) >= seal.summary.batch_count,
            )
            ended = map(segment.indexes.transactions.entry, range(len(segment.indexes.transactions)))
            aborted = [(one.last_offset, one.producer_id) for one in ended]
        survey = Survey(directory.open_files.get(segment.path), expected, self._progress)
        stretches = survey.run()
        summary = None if seal is None else seal.summary
        self._live.append(_Surveyed(base, stretches, survey.epochs, summary, aborted))
        self._tell(segment.path, stretches)
        return Kind.TORN not in {stretch.kind for stretch in stretches}

    def _expected(self, base: int, after: int | None, last: int) -> Expected:
        point = self._point or RecoveryPoint(last, 0, last)
        certain = _ALL_CERTAIN
        if base >= point.segment_base:
            certain = point.position if base == point.segment_base else 0
        if after is None:
            end = max(base, point.next_offset) if point.segment_base >= base else base
            return Expected(base, end, certain)
        return Expected(base, after, certain, limit=after, gaps=base < point.segment_base)

    def _tell(self, path: str, stretches: list[Stretch]) -> None:
        for stretch in stretches:
            message = f"at byte {stretch.start}: {stretch.reason}"
            offsets = (stretch.first_offset, stretch.next_offset)
            if stretch.kind is Kind.MENDED:
                self._find(Severity.DAMAGE, path, message, "mend it: the records are whole", *offsets)
            elif stretch.kind is Kind.LOST and stretch.first_offset < stretch.next_offset:
                action = "give these offsets up; what is before and after them stays"
                self._find(Severity.DAMAGE, path, message, action, *offsets)
            elif stretch.kind is Kind.LOST:
                size = stretch.end - stretch.start
                self._find(Severity.DAMAGE, path, message, f"take out {size} bytes that hold no offsets")
            elif stretch.kind is Kind.TORN:
                self._find(Severity.TORN, path, message, f"cut the file at byte {stretch.start}")

    # -- doing ----------------------------------------------------------------------------------------------

    def _drop(self, kept: LostAndFound) -> None:
        for base in [*self._dead, *reversed(self._dropped)]:
            for suffix in (layout.LOG_SUFFIX, *layout.SEGMENT_CACHE_SUFFIXES):
                path = self._directory.path_of(layout.offset_name(base, suffix))
                self._directory.open_files.forget(path)
                kept.take(path)

    def _cut(self, kept: LostAndFound) -> None:
        ends = [(one.base, one.stretches[-1]) for one in self._live if one.kinds & {Kind.TORN, Kind.ROOM}]
        for base, stretch in ends:
            if stretch.start == stretch.end:
                continue
            path = self._log_path(base)
            if stretch.kind is Kind.TORN:
                kept.keep_content(path)
            file = self._directory.open_files.get(path)
            file.truncate(stretch.start)
            file.datasync()

    def _rewrite_damaged(self, kept: LostAndFound) -> None:
        damaged = [one for one in self._live if one.is_damaged]
        if not damaged:
            return
        first_uncertain = self._point.segment_base if self._point is not None else self._live[-1].base
        is_missing = first_uncertain not in [one.base for one in self._live]
        moves_point = is_missing or any(one.base >= first_uncertain for one in damaged)
        sound = [one for one in self._live if moves_point and one not in damaged]
        sound = [one for one in sound if one.base >= first_uncertain and one.stretches]
        self._set_snapshots_aside(damaged, kept)
        for one in sound:  # what the recovery point left uncertain must be durable before it moves
            self._rewrite(one, kept)
        if moves_point:
            self._begin_new_active()
        for one in damaged:
            self._rewrite(one, kept)

    def _set_snapshots_aside(self, damaged: list[_Surveyed], kept: LostAndFound) -> None:
        """Those that speak of bytes about to move, or hide transactions whose end is lost."""
        directory = self._directory
        bases = {one.base for one in damaged}
        first_unknown = min((one.base for one in damaged if one.aborted is None), default=_ALL_CERTAIN)
        for offset in directory.offsets(layout.SNAPSHOT_SUFFIX):
            found = snapshot.read(directory, offset)
            if found is None or found.summary.base_offset in bases or offset > first_unknown:
                kept.take(directory.path_of(layout.offset_name(offset, layout.SNAPSHOT_SUFFIX)))

    def _begin_new_active(self) -> None:
        """An empty segment at the end takes the recovery point: nothing speaks of bytes that move."""
        end = self._live[-1].next_offset
        if end > self._live[-1].base:
            path = self._log_path(end)
            file = self._directory.files.open(path, create=True)
            file.datasync()
            file.close()
            self._directory.sync()
        else:
            end = self._live[-1].base
        self._point_file.write_durably(RecoveryPoint(end, 0, end))

    def _rewrite(self, one: _Surveyed, kept: LostAndFound) -> None:
        directory = self._directory
        path = self._log_path(one.base)
        cleaned = swap.cleaned_path(directory, one.base)
        file = directory.files.open(cleaned, create=True)
        try:
            file.truncate(0)
            position = 0
            for data in self._new_content(one):
                file.write_at(position, data)
                position += len(data)
            file.datasync()
        finally:
            file.close()
        for suffix in (layout.LOG_SUFFIX, *layout.SEGMENT_CACHE_SUFFIXES):
            kept.keep(directory.path_of(layout.offset_name(one.base, suffix)))
        directory.open_files.forget(path)
        swap.replace(directory, [one.base])

    def _new_content(self, one: _Surveyed) -> Iterator[bytes]:
        path = self._log_path(one.base)
        for stretch in one.stretches:
            if stretch.kind in (Kind.TORN, Kind.ROOM):
                return
            if stretch.kind is Kind.LOST:
                yield from _filling(stretch, self._lost_aborts(one, stretch))
                continue
            yield stretch.frame
            position = stretch.start + len(stretch.frame)
            while position < stretch.end:
                size = min(_COPY_BYTES, stretch.end - position)
                yield self._directory.open_files.get(path).read_at(position, size)
                position += size

    def _lost_aborts(self, one: _Surveyed, stretch: Stretch) -> list[tuple[int, int, int]]:
        """(offset, producer id, epoch) of the abort markers in a lost stretch."""
        epochs: dict[int, int] = {}
        for earlier in self._live:
            if earlier.base <= one.base:
                epochs.update(earlier.epochs)
        return [
            (offset, producer_id, epochs[producer_id])
            for offset, producer_id in one.aborted or ()
            if stretch.first_offset <= offset < stretch.next_offset and producer_id in epochs
        ]

    def _rebuild(
        self, base: int, known: SegmentSummary | None, producers: ProducerState, kept: LostAndFound
    ) -> None:
        directory = self._directory
        rebuilt = Segment(directory.open_files, directory.path, base)
        old = rebuilt.read_seal(directory.topic_id, directory.partition)
        known = old.summary if old is not None else known
        is_compacted = known is not None and known.is_compacted
        interval = -1 if is_compacted else self._config.index_interval_bytes
        file = rebuilt.file()
        replay(rebuilt, file, file.size(), producers, self._now_ms, interval, gaps=True)
        if old is not None and old.summary.frames_crc == rebuilt.summary.frames_crc:
            probe = Segment(directory.open_files, directory.path, base)
            if old.summary.size_bytes == rebuilt.size_bytes and probe.load_indexes(old.digests):
                return
        if known is not None:
            rebuilt.summary.created_ms = known.created_ms
            rebuilt.summary.appended_ms = known.appended_ms
            rebuilt.summary.clean_until = known.clean_until
            rebuilt.summary.delete_horizon_ms = known.delete_horizon_ms
            rebuilt.summary.is_compacted = rebuilt.summary.is_compacted or is_compacted
        for suffix in layout.SEGMENT_CACHE_SUFFIXES:
            kept.take(rebuilt.path_of(suffix))
        rebuilt.seal(directory.topic_id, directory.partition)

    def _log_path(self, base: int) -> str:
        return self._directory.path_of(layout.offset_name(base, layout.LOG_SUFFIX))

    def _find(
        self, severity: Severity, path: str, message: str, action: str, start: int = -1, stop: int = -1
    ) -> None:
        self._measures.append(Measure(Finding(severity, path, message, start, stop), action))


def _belongs(name: str, bases: set[int]) -> bool:
    if name in {layout.METADATA_FILE, layout.RECOVERY_POINT_FILE}:
        return True
    if layout.offset_of(name, layout.SNAPSHOT_SUFFIX) is not None:
        return True
    suffixes = (layout.LOG_SUFFIX, *layout.SEGMENT_CACHE_SUFFIXES)
    return any(layout.offset_of(name, suffix) in bases for suffix in suffixes)


def _filling(stretch: Stretch, aborts: list[tuple[int, int, int]]) -> Iterator[bytes]:
    """Batches that take the offsets of a lost stretch: empty ones, and the abort markers that were in it."""
    offset = stretch.first_offset
    for marked, producer_id, epoch in sorted(aborts):
        yield from _empty(offset, marked)
        marker = bytearray(
            end_txn_marker(committed=False, producer_id=producer_id, producer_epoch=epoch, timestamp=0)
        )
        assign(marker, 0, marked, LEADER_EPOCH)
        yield bytes(marker)
        offset = marked + 1
    yield from _empty(offset, stretch.next_offset)


def _empty(start: int, stop: int) -> Iterator[bytes]:
    while start < stop:
        delta = min(stop - start - 1, _DELTA_MAX)
        yield encode([], [], [], base_offset=start, leader_epoch=LEADER_EPOCH, last_offset_delta=delta)
        start += delta + 1
