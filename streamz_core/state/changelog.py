"""Changelog topics: the log from which a store can always be rebuilt.

Owns: their names and configuration, and what a store's changes look like as records.
Must not know: stores, transactions, tasks.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mypy_extensions import i64

from streamz_core.protocol.batch_encoder import (
    BATCH_BYTES_MAX,
    RECORD_OVERHEAD_BYTES_MAX,
    RawRecords,
    RecordWriter,
)
from streamz_core.state.store import Change

CONFIG: Final[Mapping[str, str]] = {"cleanup.policy": "compact"}
"""Windows are dropped by tombstones, so that old event times are never mistaken for old records."""


def topic_name(app_id: str, store: str) -> str:
    """The changelog topic of a store.

    >>> topic_name("views", "counts")
    'views-counts-changelog'
    """
    return f"{app_id}-{store}-changelog"


def topic_config(overrides: Mapping[str, str]) -> dict[str, str]:
    """The topic's configuration, with the user's own settings over it."""
    return {**CONFIG, **overrides}


def batches(changes: Sequence[Change], timestamp: int) -> list[RawRecords]:
    """Changes as records of one timestamp, encoded, in batches that topics take; a deletion has no value.

    >>> [batch.record_count for batch in batches([(b"k", b"v"), (b"gone", None)], 0)]
    [2]
    """
    encoded: list[RawRecords] = []
    writer = RecordWriter()
    room: i64 = BATCH_BYTES_MAX
    for key, value in changes:
        needed: i64 = len(key) + RECORD_OVERHEAD_BYTES_MAX
        if value is not None:
            needed += len(value)
        if needed > room and writer.record_count:
            encoded.append(writer.take())
            room = BATCH_BYTES_MAX
        writer.append(key, value, timestamp, None)
        room -= needed
    if writer.record_count:
        encoded.append(writer.take())
    return encoded
