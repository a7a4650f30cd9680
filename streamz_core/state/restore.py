"""Bringing a store up to date from its changelog.

Owns: when a restore is finished, when a store cannot be trusted, how records become writes, and
progress.
Must not know: which backend the store is, how records are fetched, tasks.

The end is fixed once, before the first record is read, and reached by *position*: the position moves
past control records, aborted records and holes of compaction, so a changelog that ends in any of
them ends the restore all the same. What is written later belongs to whoever owns the store now.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamz_core.errors import Fatal
from streamz_core.state.store import NO_POSITION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.model import TopicPartition
    from streamz_core.state.store import Change, Store

_log = logging.getLogger(__name__)

WRITE_RECORDS_MIN: Final = 5_000
"""Changes gathered before they are sorted and written: RocksDB takes sorted ones 6 times faster."""
STALLED_READS_MAX: Final = 60
"""Reads in a row that may bring nothing before the restore is given up."""


class RestoreStalled(Fatal):
    """The changelog could not be read to the end it had when the restore began."""


class ChangelogReader(Protocol):
    """Reads the committed records of changelog partitions."""

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """The first offset, and the end: the offset behind the last committed transaction."""

    async def deletions_kept_from(self, partition: TopicPartition) -> int:
        """The offset from which on the changelog still tells every deletion (``delete.retention.ms``)."""

    async def read(
        self, partition: TopicPartition, position: int
    ) -> tuple[Sequence[bytes | None], Sequence[bytes | None], int]:
        """Keys and values of committed records from ``position``, and the position behind them.

        Waits up to a second for data. The position may move without any record.
        """


@dataclass(frozen=True, slots=True)
class RestoreProgress:
    """How far the restore of one store is. Positions are changelog offsets."""

    store: str
    partition: TopicPartition
    start: int
    position: int
    end: int
    records: int

    @property
    def is_done(self) -> bool:
        """Whether the end was reached."""
        return self.position >= self.end


async def restore(
    store: Store,
    partition: TopicPartition,
    reader: ChangelogReader,
    on_progress: Callable[[RestoreProgress], None] = lambda _: None,
) -> RestoreProgress:
    """Apply the changelog from the store's position to the end it has now; returns what was done.

    A store whose position is outside the changelog, or before deletions that the changelog tells no more, is emptied,
    with a warning, and rebuilt. May be
    cancelled at any point: what was written stands at a position and is gone on from.
    """
    first, end = await reader.bounds(partition)
    start = _trusted_position(store, partition, first, end, await reader.deletions_kept_from(partition))
    position, records, written, stalled = start, 0, start, 0
    changes: dict[bytes, bytes | None] = {}
    on_progress(RestoreProgress(store.name, partition, start, position, end, 0))
    while position < end:
        keys, values, position_after = await reader.read(partition, position)
        stalled = 0 if position_after > position else stalled + 1
        if stalled > STALLED_READS_MAX:
            raise RestoreStalled(
                f"restoring store {store.name!r}: changelog {partition.topic!r} partition "
                f"{partition.partition} brings nothing at offset {position} although it ends at {end}; "
                "check the log with 'streamz check'"
            )
        position = position_after
        changes.update((key, value) for key, value in zip(keys, values, strict=True) if key is not None)
        records += len(keys)
        if len(changes) >= WRITE_RECORDS_MIN:
            written = _write(store, changes, position)
        on_progress(RestoreProgress(store.name, partition, start, position, end, records))
    if position > written:
        _write(store, changes, position)
    return RestoreProgress(store.name, partition, start, position, end, records)


def _trusted_position(
    store: Store, partition: TopicPartition, first: int, end: int, deletions_kept_from: int
) -> int:
    position = store.position()
    if position == NO_POSITION:
        return first
    if max(first, deletions_kept_from) <= position <= end:
        return position
    why = "the store is of another history"
    if first <= position < deletions_kept_from:
        why = f"the store is too old: before {deletions_kept_from}, compaction has forgotten deletions"
    _log.warning(
        "store %s is at position %d of changelog %s-%d, which holds %d to %d: %s; it is emptied and rebuilt",
        store.name, position, partition.topic, partition.partition, first, end, why,
    )  # fmt: skip
    store.clear()
    return first


def _write(store: Store, changes: dict[bytes, bytes | None], position: int) -> int:
    sorted_changes: list[Change] = sorted(changes.items(), key=lambda change: change[0])
    store.write(sorted_changes, position)
    changes.clear()
    return position
