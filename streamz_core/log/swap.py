"""Putting one rewritten segment in the place of several; a crash at any point leaves one or the other.

Owns: the order of renames, removals and syncs, and finishing it when a partition is opened.
Must not know: why a segment was rewritten.

Steps: the new file is written as ``.log.cleaned`` and synced; renamed ``.log.swap`` (from here on it counts);
the old files and their caches are removed; ``.log.swap`` becomes ``.log``. Each step is durable before the
next.
"""

from __future__ import annotations

from streamz_core.log import layout
from streamz_core.log.errors import PartitionFailed
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.segment_scan import scan
from streamz_core.protocol.record_batch import CorruptBatch

_CLEANED: str = layout.LOG_SUFFIX + layout.CLEANED_SUFFIX
_SWAP: str = layout.LOG_SUFFIX + layout.SWAP_SUFFIX


def cleaned_path(directory: PartitionDirectory, base_offset: int) -> str:
    """Where the new segment is written."""
    return directory.path_of(layout.offset_name(base_offset, _CLEANED))


def replace(directory: PartitionDirectory, bases: list[int]) -> None:
    """Put the synced ``.cleaned`` file, named after the first of ``bases``, in the place of those."""
    first = bases[0]
    swap_path = directory.path_of(layout.offset_name(first, _SWAP))
    directory.files.rename(cleaned_path(directory, first), swap_path)
    directory.sync()
    _finish(directory, first, bases[1:])


def finish_interrupted(directory: PartitionDirectory) -> bool:
    """Finish what a crash interrupted, and remove what waits for removal; whether anything was done."""
    names = directory.files.listdir(directory.path)
    dead = [name for name in names if name.endswith((layout.CLEANED_SUFFIX, layout.DELETED_SUFFIX))]
    dead += [name for name in names if name.endswith(layout.TEMPORARY_SUFFIX)]
    for name in dead:
        directory.unlink(name)
    swaps = [base for name in names if (base := layout.offset_of(name, _SWAP)) is not None]
    if swaps:
        # The process that renamed the new file may have been killed before its name was durable.
        directory.sync()
    for first in swaps:
        next_offset = _next_offset(directory, first)
        covered = [base for base in directory.offsets(layout.LOG_SUFFIX) if first < base < next_offset]
        _finish(directory, first, covered)
    return bool(dead or swaps)


def is_sound(directory: PartitionDirectory, name: str) -> bool:
    """Whether every batch of the swap file ``name`` is sound."""
    first = layout.offset_of(name, _SWAP)
    assert first is not None
    try:
        _next_offset(directory, first)
    except PartitionFailed:
        return False
    return True


def _finish(directory: PartitionDirectory, first: int, others: list[int]) -> None:
    directory.unlink_segment_caches(first)
    for base in others:
        directory.unlink(layout.offset_name(base, layout.LOG_SUFFIX))
        directory.unlink_segment_caches(base)
    directory.sync()
    path = directory.path_of(layout.offset_name(first, layout.LOG_SUFFIX))
    directory.open_files.forget(path)
    directory.files.rename(directory.path_of(layout.offset_name(first, _SWAP)), path)
    directory.sync()


def _next_offset(directory: PartitionDirectory, first: int) -> int:
    """The offset after the last batch of the swap file at ``first``."""
    path = directory.path_of(layout.offset_name(first, _SWAP))
    file = directory.files.open(path, read_only=True)
    next_offset = first
    try:
        for batch in scan(file, 0, file.size(), first, gaps=True):
            next_offset = batch.header.next_offset
    except CorruptBatch as error:
        raise PartitionFailed(
            f"{directory.name}: {path} is damaged at byte {error.position} ({error.reason}); "
            "restore the partition's directory from a backup"
        ) from None
    finally:
        file.close()
    return next_offset
