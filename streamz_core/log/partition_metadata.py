"""Who a partition directory belongs to, and where its log starts.

Owns: ``partition.metadata``, replaced atomically; unlike the caches it cannot be rebuilt.
Must not know: segments.
"""

from __future__ import annotations

import msgspec

from streamz_core.log import checksummed, layout
from streamz_core.log.files import Files

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


def create(files: Files, directory: str, metadata: PartitionMetadata) -> None:
    """Write the metadata of a new partition, which nobody believes in yet; nothing is synced."""
    checksummed.write(files, f"{directory}/{layout.METADATA_FILE}", _encoded(metadata))


def store(files: Files, directory: str, metadata: PartitionMetadata) -> None:
    """Replace the metadata; durable when this returns."""
    checksummed.replace(files, f"{directory}/{layout.METADATA_FILE}", _encoded(metadata))


def _encoded(metadata: PartitionMetadata) -> bytes:
    return checksummed.wrap(_KIND, msgspec.json.encode(metadata))
