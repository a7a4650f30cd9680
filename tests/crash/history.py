"""What a workload did and was told, in the order it happened, and what that promises.

Owns: the remarks a workload leaves between its file operations, and ``History``, their sum: for each
partition what was submitted, what was acknowledged at which level, what readers were shown.
Must not know: how the log stores anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

Key = tuple[UUID, int]
"""A partition: its topic's id, so that a topic made anew under an old name is another one."""


class TopicState(NamedTuple):
    """A topic as the catalog has it."""

    topic_id: UUID
    partitions: int
    configs: tuple[tuple[str, str], ...]


class Batch(NamedTuple):
    """A batch as it must be found again: its offsets, its bytes with the leader epoch blanked out."""

    first: int
    last: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Topic:
    """From here on the topic is in one of these states (None: absent)."""

    name: str
    allowed: tuple[TopicState | None, ...]


@dataclass(frozen=True, slots=True)
class Submitting:
    """``batch`` is about to be appended."""

    key: Key
    batch: Batch
    is_sync: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The append that was about to happen raised: nothing of it is in the log that runs."""

    key: Key


@dataclass(frozen=True, slots=True)
class Written:
    """Everything below ``end`` was acknowledged at level ``os``: it survives ``kill -9``."""

    key: Key
    end: int


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything below ``end`` was acknowledged at level ``sync``: it survives a power cut."""

    key: Key
    end: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recovery found what is in [``start``, ``end``); what was in flight beyond is given up."""

    key: Key
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Readers may see everything below ``end``."""

    key: Key
    end: int


@dataclass(frozen=True, slots=True)
class StartMoves:
    """The log's start is between these two from here on."""

    key: Key
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Compacting:
    """From here on records that a later one of the same key replaces may be gone."""

    key: Key
    drops_tombstones: bool
    """Whether ``delete.retention.ms`` has passed since the first compaction."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The directory was opened: identity is fixed, this epoch is used up."""

    cluster_id: str
    owner_epoch: int


Remark = (
    Topic | Submitting | Refused | Written | Synced | Recovered | Shown | StartMoves | Compacting | Opened
)


@dataclass(slots=True)
class PartitionHistory:
    """What was done to one partition so far."""

    batches: list[Batch] = field(default_factory=list)
    is_sync: list[bool] = field(default_factory=list)
    refused: Batch | None = None
    """The last append that failed, until another took its place: the disk may hold it, in whole or part."""
    written_end: int = 0
    synced_end: int = 0
    shown_end: int = 0
    shown_sync_end: int = 0
    """The end of the last ``sync`` batch that was shown: no power cut may take that back."""
    start_low: int = 0
    start_high: int = 0
    is_compacted: bool = False
    drops_tombstones: bool = False
    is_partial: bool = False
    """Whether only what a recovery found is known, not what was there before."""

    @property
    def end(self) -> int:
        """The offset after the last submitted batch."""
        return self.batches[-1].last + 1 if self.batches else 0


class History:
    """The sum of the remarks so far."""

    def __init__(self) -> None:
        self.topics: dict[str, tuple[TopicState | None, ...]] = {}
        self.partitions: dict[Key, PartitionHistory] = {}
        self.cluster_id: str | None = None
        self.owner_epoch = -1

    def take(self, remark: Remark) -> bool:
        """Add one remark; whether it promises more, so that older images must be looked at again."""
        match remark:
            case Topic(name=name, allowed=allowed):
                self.topics[name] = allowed
                return len(allowed) == 1
            case Opened(cluster_id=cluster_id, owner_epoch=owner_epoch):
                self.cluster_id = cluster_id
                self.owner_epoch = owner_epoch
                return True
        return self._take_of_partition(self.partitions.setdefault(remark.key, PartitionHistory()), remark)

    def _take_of_partition(self, partition: PartitionHistory, remark: Remark) -> bool:
        match remark:
            case Submitting(batch=batch, is_sync=is_sync):
                partition.batches.append(batch)
                partition.is_sync.append(is_sync)
                return False
            case Refused():
                partition.refused = partition.batches.pop()
                partition.is_sync.pop()
                return False
            case Written(end=end):
                partition.written_end = max(partition.written_end, end)
                partition.refused = None
            case Synced(end=end):
                partition.synced_end = max(partition.synced_end, end)
            case Recovered(start=start, end=end):
                kept = sum(batch.first < end for batch in partition.batches)
                del partition.batches[kept:], partition.is_sync[kept:]
                if partition.refused is not None and partition.end <= partition.refused.first < end:
                    partition.batches.append(partition.refused)
                    partition.is_sync.append(True)
                partition.refused = None
                partition.start_low = partition.start_high = start
            case Shown(end=end):
                self._show(partition, end)
            case StartMoves(low=low, high=high):
                partition.start_low, partition.start_high = low, high
                return low == high
            case Compacting(drops_tombstones=drops_tombstones):
                partition.is_compacted = True
                partition.drops_tombstones |= drops_tombstones
                return False
        return True

    def _show(self, partition: PartitionHistory, end: int) -> None:
        partition.shown_end = max(partition.shown_end, end)
        for batch, is_sync in zip(partition.batches, partition.is_sync, strict=True):
            if is_sync and batch.last < end:
                partition.shown_sync_end = max(partition.shown_sync_end, batch.last + 1)
