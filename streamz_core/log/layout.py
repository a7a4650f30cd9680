"""Names of the files in a data directory.

Owns: which file is called what.
Must not know: what is in the files.

``<path>/streamz.json`` format and cluster id, ``catalog.json`` topics, ``LOCK`` owner, and
``log/<topic>-<partition>/`` with, per segment, ``<base offset>.log`` and its caches, and per partition
``partition.metadata``, ``recovery-point`` and ``<offset>.snapshot``.
"""

from __future__ import annotations

from typing import Final

FORMAT_FILE: Final = "streamz.json"
CATALOG_FILE: Final = "catalog.json"
LOCK_FILE: Final = "LOCK"
SOCKET_FILE: Final = "broker.sock"
"""Where processes of the same user reach the owner, while it serves them."""
BACKUP_FILE: Final = "backup.json"
"""Only in a backup, which is a data directory but for this file, and is restored, not opened."""
RESERVE_FILE: Final = "reserve"
"""Nothing but space that is given back when the disk is full."""
LOG_DIRECTORY: Final = "log"
STATE_DIRECTORY: Final = "state"
STAGING_DIRECTORY: Final = "backup.tmp"
"""Second names of the files of a backup that is being made."""
BACKUP_LOCK_FILE: Final = "backup.lock"
TEMPORARY_SUFFIX: Final = ".tmp"

METADATA_FILE: Final = "partition.metadata"
RECOVERY_POINT_FILE: Final = "recovery-point"

LOG_SUFFIX: Final = ".log"
INDEX_SUFFIX: Final = ".index"
TIME_INDEX_SUFFIX: Final = ".timeindex"
TXN_INDEX_SUFFIX: Final = ".txnindex"
SEAL_SUFFIX: Final = ".seal"
SNAPSHOT_SUFFIX: Final = ".snapshot"
DELETED_SUFFIX: Final = ".deleted"
CLEANED_SUFFIX: Final = ".cleaned"
SWAP_SUFFIX: Final = ".swap"

INDEX_SUFFIXES: Final = (INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX)
SEGMENT_CACHE_SUFFIXES: Final = (*INDEX_SUFFIXES, SEAL_SUFFIX)
"""Files beside a ``.log`` that are rebuilt from it when they are missing or wrong."""


def offset_name(offset: int, suffix: str) -> str:
    """The name of a file that belongs to an offset.

    >>> offset_name(42, LOG_SUFFIX)
    '00000000000000000042.log'
    """
    return f"{offset:020d}{suffix}"


def offset_of(name: str, suffix: str) -> int | None:
    """The offset a file name carries, or None if it is another kind of file."""
    stem = name.removesuffix(suffix)
    if stem == name or len(stem) != 20 or not stem.isdecimal():
        return None
    return int(stem)


def partition_directory_name(topic: str, partition: int) -> str:
    """As Kafka names it: topic, dash, partition."""
    return f"{topic}-{partition}"
