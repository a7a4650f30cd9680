"""Checkpoints of what is known of a partition at one offset, so that opening it need not read it all.

Owns: ``<offset>.snapshot``: producers, and the summary and index digests of the segment that was active.
Must not know: when to write one, or whether to believe one; ``recovery`` decides.

A snapshot is a cache: without it the same is found by reading the log.
"""

from __future__ import annotations

from typing import Final

import msgspec

from streamz_core.log import checksummed, layout
from streamz_core.log.files import Files
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.segment import IndexDigest, Segment, SegmentSummary

SNAPSHOTS_KEPT: Final = 2
_KIND: Final = b"SzSN"


class Snapshot(msgspec.Struct, array_like=True, frozen=True):
    """The state of a partition when its log ended at ``summary.next_offset``."""

    topic_id: bytes
    partition: int
    summary: SegmentSummary
    digests: list[IndexDigest]
    producers: bytes

    def decode_producers(self) -> ProducerState:
        """The producers as they were."""
        return ProducerState.decode(self.producers)


def encode(directory: PartitionDirectory, active: Segment, producers: ProducerState) -> bytes:
    """A snapshot at the active segment's end; writes the indexes that it vouches for."""
    snapshot = Snapshot(
        directory.topic_id.bytes,
        directory.partition,
        active.summary,
        active.write_indexes(),
        producers.encode(),
    )
    return checksummed.wrap(_KIND, msgspec.msgpack.encode(snapshot))


def write(directory: PartitionDirectory, offset: int, data: bytes) -> None:
    """Write an encoded snapshot of ``offset``, all below which is durable; drop all but the newest few."""
    name = layout.offset_name(offset, layout.SNAPSHOT_SUFFIX)
    checksummed.write(directory.files, directory.path_of(name), data)
    older = [one for one in directory.offsets(layout.SNAPSHOT_SUFFIX) if one < offset]
    for old in older[: -(SNAPSHOTS_KEPT - 1)]:
        directory.unlink(layout.offset_name(old, layout.SNAPSHOT_SUFFIX))


def read(directory: PartitionDirectory, offset: int) -> Snapshot | None:
    """The snapshot at ``offset``, or None if it is missing, damaged, or of another partition."""
    path = directory.path_of(layout.offset_name(offset, layout.SNAPSHOT_SUFFIX))
    snapshot = load(directory.files, path)
    if snapshot is None:
        return None
    is_ours = snapshot.topic_id == directory.topic_id.bytes and snapshot.partition == directory.partition
    return snapshot if is_ours and snapshot.summary.next_offset == offset else None


def load(files: Files, path: str) -> Snapshot | None:
    """The snapshot in a file, whoever's it is; None if it is missing or damaged."""
    content = checksummed.read(files, path, _KIND)
    if content is None:
        return None
    try:
        snapshot = msgspec.msgpack.decode(content, type=Snapshot)
        snapshot.decode_producers()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return snapshot
