"""A partition as it is at one moment, held so that appends, retention and compaction may go on.

Owns: which of a partition's files are linked, and what is noted, for a backup.
Must not know: where the backup goes.

A ``.log`` is only ever appended to, replaced as a whole or removed, so a second name and a length are all it
takes. What changes in place (seals, recovery point) is noted here and written anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streamz_core.log import file_copies, layout, partition_metadata, snapshot
from streamz_core.log.errors import PartitionFailed
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_metadata import PartitionMetadata
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.recovery_point import RecoveryPoint
from streamz_core.log.segment import Segment


class CapturedSegment(NamedTuple):
    """One segment: so many bytes of the file that has a second name in the staging directory."""

    base_offset: int
    size_bytes: int
    seal: bytes
    """Empty for the active segment."""
    is_durable: bool


class PartitionCapture(NamedTuple):
    """All that makes the partition as it was."""

    directory: PartitionDirectory
    metadata: PartitionMetadata
    point: RecoveryPoint
    segments: list[CapturedSegment]
    snapshot: bytes


def capture(
    directory: PartitionDirectory,
    segments: Iterable[Segment],
    producers: ProducerState,
    log_start_offset: int,
    durable_offset: int,
    staging_path: str,
) -> PartitionCapture:
    """Take it; to be called where no other change of the partition is half done. Raises ``OSError``."""
    files = directory.files
    metadata = partition_metadata.load(files, directory.path)
    if metadata is None:
        raise PartitionFailed(f"{directory.path}/{layout.METADATA_FILE} is damaged; run 'streamz repair'")
    files.mkdir(staging_path)
    captured = []
    active: Segment | None = None
    for segment in segments:
        active = segment
        name = layout.offset_name(segment.base_offset, layout.LOG_SUFFIX)
        file_copies.link_or_copy(files, segment.path, f"{staging_path}/{name}")
        seal = segment.encode_seal(directory.topic_id, directory.partition)
        is_durable = segment.next_offset <= durable_offset
        captured.append(CapturedSegment(segment.base_offset, segment.size_bytes, seal, is_durable))
    if active is None:
        point = RecoveryPoint(log_start_offset, 0, log_start_offset)
        return PartitionCapture(directory, metadata, point, [], b"")
    captured[-1] = captured[-1]._replace(seal=b"")
    point = RecoveryPoint(active.base_offset, active.size_bytes, active.next_offset)
    data = snapshot.encode(directory, active, producers)
    return PartitionCapture(directory, metadata, point, captured, data)
