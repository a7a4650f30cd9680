"""One compaction of a partition, from the first file written to the last one replaced.

Owns: the order of steps on disk around ``compaction`` (what stays) and ``swap`` (how files are replaced).
Must not know: whether it is time to compact; callers say how many segments are to be rewritten.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from streamz_core.log import layout, snapshot, swap
from streamz_core.log.compaction import Compaction, CompactionResult, groups
from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import StorageFailure
from streamz_core.log.log_start import LogStart
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_reader import PartitionReader
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.recovery_point import RecoveryPoint, RecoveryPointFile
from streamz_core.log.segment import Segment
from streamz_core.log.segments import Segments


class SwapInterrupted(Exception):
    """The operating system refused a step after the new segment had begun to count."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def compact_segments(
    directory: PartitionDirectory,
    segments: Segments,
    producers: ProducerState,
    reader: PartitionReader,
    point_file: RecoveryPointFile,
    config: TopicConfig,
    *,
    count: int,
    now_ms: int,
    start: LogStart,
) -> Generator[None, None, CompactionResult]:
    """Rewrite the oldest ``count`` segments, all of them durable, none with an open transaction in it.

    Before anything goes, ``start`` notes durably what only it told of: how transactions ended, deletions.

    One batch a step; where segments are removed between two steps, the run ends with what it has done.
    Raises ``CorruptRecord`` or ``StorageFailure`` with nothing changed, ``SwapInterrupted`` in between.
    """
    before, removed = segments.size_bytes, segments.removed
    chosen = segments.sealed[:count]
    neighbours = groups(chosen, config.segment_bytes)
    with reader.naming_damage("compacting"):
        start.remember_producers()
        _speak_of_active(directory, segments.active, producers, point_file)
        aborted = reader.aborted_between(chosen[0].base_offset, chosen[-1].next_offset)
        run = Compaction(aborted, producers.remembered_offsets(), config.delete_retention_ms, now_ms)
        with contextlib.closing(_rewrite_all(directory, segments, reader, run, neighbours, start)) as steps:
            for _ in steps:
                yield
                if segments.removed != removed:
                    return CompactionResult()
    return CompactionResult(count, len(neighbours), before, segments.size_bytes)


def _rewrite_all(
    directory: PartitionDirectory,
    segments: Segments,
    reader: PartitionReader,
    run: Compaction,
    neighbours: list[list[Segment]],
    start: LogStart,
) -> Generator[None]:
    yield from run.learn_keys([segment for group in neighbours for segment in group])
    for group in neighbours:
        target = yield from _rewrite(directory, run, group)
        if target is None:
            continue
        try:
            start.forget_deletions_before(run.deletions_kept_from)
        except StorageFailure:
            with contextlib.suppress(OSError):  # the next opening removes it
                directory.files.unlink(swap.cleaned_path(directory, target.base_offset))
            raise
        _replace(directory, group, target)
        segments.replace(segments.number_of(target.base_offset), len(group), target)
        reader.forget_places()
        with contextlib.suppress(OSError):  # a cache
            target.seal(directory.topic_id, directory.partition)


def _speak_of_active(
    directory: PartitionDirectory, active: Segment, producers: ProducerState, point_file: RecoveryPointFile
) -> None:
    """Let recovery point and snapshot speak of the active segment only, which is never rewritten."""
    point_file.write_durably(RecoveryPoint(active.base_offset, active.size_bytes, active.next_offset))
    with contextlib.suppress(OSError):  # a cache
        data = snapshot.encode(directory, active, producers)
        snapshot.write(directory, active.next_offset, data)
    for offset in directory.offsets(layout.SNAPSHOT_SUFFIX):
        if offset < active.next_offset:
            directory.unlink(layout.offset_name(offset, layout.SNAPSHOT_SUFFIX))
    directory.sync()


def _rewrite(
    directory: PartitionDirectory, run: Compaction, group: list[Segment]
) -> Generator[None, None, Segment | None]:
    """Write what stays of neighbours into one new segment, synced; None if that is what they are already."""
    target = Segment(directory.open_files, directory.path, group[0].base_offset)
    path = swap.cleaned_path(directory, target.base_offset)
    file = directory.files.open(path, create=True)
    is_complete = False
    try:
        file.truncate(0)
        changed = yield from run.rewrite(group, target, file)
        if changed:
            file.datasync()
        is_complete = True
    finally:
        file.close()
        if not is_complete:
            # It takes space; where this fails, the next opening removes it.
            with contextlib.suppress(OSError):
                directory.files.unlink(path)
    if changed:
        return target
    directory.files.unlink(path)
    known = group[0].summary
    known.clean_until, known.delete_horizon_ms = target.summary.clean_until, target.summary.delete_horizon_ms
    with contextlib.suppress(OSError):  # a cache
        group[0].write_seal(directory.topic_id, directory.partition)
    return None


def _replace(directory: PartitionDirectory, group: list[Segment], target: Segment) -> None:
    for segment in group:
        directory.open_files.forget(segment.path)
    try:
        swap.replace(directory, [segment.base_offset for segment in group])
    except OSError as error:
        raise SwapInterrupted(error) from error
