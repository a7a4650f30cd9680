"""Who a partition directory belongs to, and where its log starts.

Owns: ``partition.metadata``, replaced atomically; unlike the caches it cannot be rebuilt.
Must not know: segments.
"""

from __future__ import annotations

import msgspec

from streamz_core.log import checksummed, layout
from streamz_core.log.errors import PartitionFailed
from streamz_core.log.files import Files
from streamz_core.log.partition_directory import PartitionDirectory

_KIND = b"SzPM"


class PartitionMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Identity and log start of one partition, and what only removed segments and records told."""

    topic: str
    partition: int
    topic_id: bytes
    log_start_offset: int = 0
    deletions_kept_from: int = 0
    """Of deletions before this offset, compaction has dropped the tombstones of some."""
    producers: bytes = b""
    """The producers when records were removed or compacted last, which may have been all that told of them."""
    producers_known_to: int = 0
    """The offset up to which ``producers`` says it all: who is not in it was forgotten by then."""


def load(files: Files, directory: str) -> PartitionMetadata | None:
    """The metadata of a partition directory, or None if it is missing or damaged."""
    content = checksummed.read(files, f"{directory}/{layout.METADATA_FILE}", _KIND)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=PartitionMetadata)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def load_own(directory: PartitionDirectory) -> PartitionMetadata:
    """The metadata of a partition to be opened; ``PartitionFailed`` if they are damaged or another's."""
    metadata = load(directory.files, directory.path)
    if metadata is None:
        raise PartitionFailed(
            f"{directory.name}: {directory.path}/partition.metadata is missing or damaged; "
            "restore it from a backup, or let 'streamz repair' write it anew"
        )
    if (metadata.topic_id, metadata.partition) != (directory.topic_id.bytes, directory.partition):
        raise PartitionFailed(
            f"{directory.name}: {directory.path} holds partition {metadata.partition} of another topic "
            f"({metadata.topic}); move it back where it belongs"
        )
    return metadata


def create(files: Files, directory: str, metadata: PartitionMetadata) -> None:
    """Write the metadata of a new partition, which nobody believes in yet; nothing is synced."""
    checksummed.write(files, f"{directory}/{layout.METADATA_FILE}", _encoded(metadata))


def store(files: Files, directory: str, metadata: PartitionMetadata) -> None:
    """Replace the metadata; durable when this returns."""
    checksummed.replace(files, f"{directory}/{layout.METADATA_FILE}", _encoded(metadata))


def _encoded(metadata: PartitionMetadata) -> bytes:
    return checksummed.wrap(_KIND, msgspec.json.encode(metadata))
