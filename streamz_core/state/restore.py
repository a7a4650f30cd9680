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
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from streamz_core.errors import Fatal
from streamz_core.state.store import NO_POSITION

if TYPE_CHECKING:
    from streamz_core.model import TopicPartition
    from streamz_core.state.store import Change, Store

_log = logging.getLogger(__name__)

WRITE_RECORDS_MIN: Final = 5_000
"""Changes gathered before they are sorted and written: RocksDB takes sorted ones 6 times faster."""
STALLED_READS_MAX: Final = 60
"""Reads in a row that may bring nothing before the restore is given up."""


class FetchedColumns(NamedTuple):
    """Committed records of a changelog, and the position behind them."""

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: Sequence[int]
    offsets: Sequence[int]
    position: int


class RestoreStalled(Fatal):
    """The changelog could not be read to the end it had when the restore began."""


class ChangelogReader(Protocol):
    """Reads the committed records of changelog partitions."""

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """The first offset, and the end: the offset behind the last committed transaction."""

    async def deletions_kept_from(self, partition: TopicPartition) -> int:
        """The offset from which on the changelog still tells every deletion (``delete.retention.ms``)."""

    async def read(self, partition: TopicPartition, position: int) -> FetchedColumns:
        """Committed records from ``position`` on; waits up to a second for some.

        The position may move without any record.
        """


Convert = Callable[[FetchedColumns], "tuple[Sequence[bytes | None], Sequence[bytes | None]]"]
"""Makes a store's keys and values of records that were not written for it."""


class RestorePhase(Enum):
    """What a report of progress is about."""

    START = "start"
    BATCH = "batch"
    END = "end"
    SUSPENDED = "suspended"
    """The partition was given up, or the app stopped, before the end."""


@dataclass(frozen=True, slots=True)
class RestoreProgress:
    """How far the restore of one store is. Positions are changelog offsets."""

    store: str
    partition: TopicPartition
    start: int
    position: int
    end: int
    records: int
    phase: RestorePhase = RestorePhase.BATCH

    @property
    def is_done(self) -> bool:
        """Whether the end was reached."""
        return self.position >= self.end


@dataclass(frozen=True, slots=True)
class RestoreSource:
    """What a store is restored from: a changelog partition, up to its end or to ``up_to``.

    ``convert`` is for topics that were not written as this store's changelog.
    """

    partition: TopicPartition
    up_to: int | None = None
    convert: Convert | None = None


async def restore(
    store: Store,
    source: RestoreSource,
    reader: ChangelogReader,
    on_progress: Callable[[RestoreProgress], None] = lambda _: None,
) -> RestoreProgress:
    """Apply the changelog from the store's position to the end it has now; returns what was done.

    A store whose position is outside the changelog, or before deletions that the changelog tells no more, is
    emptied, with a warning, and rebuilt. May be cancelled at any point: what was written stands at a position
    and is gone on from.
    """
    partition = source.partition
    first, end = await reader.bounds(partition)
    if source.up_to is not None:
        end = min(end, source.up_to)
    kept_from = await reader.deletions_kept_from(partition)
    start = _trusted_position(store, partition, first, end, kept_from)
    progress = RestoreProgress(store.name, partition, start, start, end, 0, RestorePhase.START)
    on_progress(progress)
    try:
        async for reached in _apply(store, source, reader, progress):
            progress = reached
            on_progress(progress)
    except BaseException:
        on_progress(replace(progress, phase=RestorePhase.SUSPENDED))
        raise
    progress = replace(progress, phase=RestorePhase.END)
    on_progress(progress)
    return progress


async def _apply(
    store: Store, source: RestoreSource, reader: ChangelogReader, progress: RestoreProgress
) -> AsyncIterator[RestoreProgress]:
    """Write what is read, and tell after each read how far that is."""
    position, written, stalled, records = progress.position, progress.position, 0, 0
    changes: dict[bytes, bytes | None] = {}
    while position < progress.end:
        fetched = await reader.read(source.partition, position)
        stalled = 0 if fetched.position > position else stalled + 1
        if stalled > STALLED_READS_MAX:
            raise _stalled(store, source.partition, position, progress.end)
        position = min(fetched.position, progress.end)
        records += _gather(changes, fetched, source, progress.end)
        if len(changes) >= WRITE_RECORDS_MIN:
            written = _write(store, changes, position)
        yield replace(progress, position=position, records=records, phase=RestorePhase.BATCH)
    if position > written:
        _write(store, changes, position)


def _gather(
    changes: dict[bytes, bytes | None], fetched: FetchedColumns, source: RestoreSource, end: int
) -> int:
    """Add the records to ``changes``; how many there were."""
    if fetched.position > end:
        fetched = _before(fetched, end)
    keys, values = fetched.keys, fetched.values
    if source.convert is not None:
        keys, values = source.convert(fetched)
    if None in keys:
        rows = zip(keys, values, strict=True)
        changes.update((key, value) for key, value in rows if key is not None)
    else:
        changes.update(zip(keys, values, strict=True))  # type: ignore[arg-type]
    return len(fetched.keys)


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


def _before(fetched: FetchedColumns, end: int) -> FetchedColumns:
    """The records of offsets below ``end``."""
    stop = bisect_left(fetched.offsets, end)
    keys, values, timestamps, offsets, _ = fetched
    return FetchedColumns(keys[:stop], values[:stop], timestamps[:stop], offsets[:stop], end)


def _stalled(store: Store, partition: TopicPartition, position: int, end: int) -> RestoreStalled:
    return RestoreStalled(
        f"restoring store {store.name!r}: changelog {partition.topic!r} partition {partition.partition} brings "
        f"nothing at offset {position} although it ends at {end}; check the log with 'streamz check'"
    )
