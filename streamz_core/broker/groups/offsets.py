"""The committed offsets of one group, in memory.

Owns: which offset is committed where, which are written and not yet durable, and which wait for the
outcome of a transaction.
Must not know: the log, requests, membership.

Everything is ordered by ``record_offset``, the record's place in ``__consumer_offsets``: whatever stands
later there wins, here as after a restart and as compaction keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.broker.groups.records import CommittedOffset
    from streamz_core.model import TopicPartition


class GroupOffsets:
    """Offsets by partition."""

    def __init__(self) -> None:
        self._committed: dict[TopicPartition, CommittedOffset] = {}
        self._written: list[tuple[TopicPartition, CommittedOffset]] = []
        self._pending: dict[int, dict[TopicPartition, CommittedOffset]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is, or may become, committed."""
        return not (self._committed or self._written or self._pending)

    @property
    def written_end(self) -> int | None:
        """Up to where the offsets log must be durable for everything written to count; None if it does."""
        return self._written[-1][1].record_offset + 1 if self._written else None

    def write(self, offsets: Mapping[TopicPartition, CommittedOffset]) -> None:
        """Take offsets that are in the log; nobody is shown them before ``settle`` passes them."""
        self._written.extend(offsets.items())

    def settle(self, visible_end: int) -> None:
        """What stands below ``visible_end`` in the offsets log is committed from now on."""
        settled = 0
        for partition, committed in self._written:
            if committed.record_offset >= visible_end:
                break
            self._commit(partition, committed)
            settled += 1
        if settled:
            del self._written[:settled]

    def load(self, partition: TopicPartition, committed: CommittedOffset) -> None:
        """Take an offset read back from the log."""
        self._commit(partition, committed)

    def _commit(self, partition: TopicPartition, committed: CommittedOffset) -> None:
        held = self._committed.get(partition)
        if held is None or held.record_offset <= committed.record_offset:
            self._committed[partition] = committed

    def hold(self, producer_id: int, offsets: Mapping[TopicPartition, CommittedOffset]) -> None:
        """Keep offsets until the producer's transaction ends."""
        self._pending.setdefault(producer_id, {}).update(offsets)

    def resolve(self, producer_id: int, *, is_committed: bool) -> None:
        """The transaction ended: its offsets are committed now, or never."""
        for partition, committed in self._pending.pop(producer_id, {}).items():
            if is_committed:
                self._commit(partition, committed)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop these partitions, also from open transactions."""
        gone = frozenset(partitions)
        for partition in gone:
            self._committed.pop(partition, None)
        self._written = [item for item in self._written if item[0] not in gone]
        for producer_id in list(self._pending):
            kept = {p: c for p, c in self._pending[producer_id].items() if p not in gone}
            if kept:
                self._pending[producer_id] = kept
            else:
                del self._pending[producer_id]

    def get(self, partition: TopicPartition) -> CommittedOffset | None:
        """The committed offset."""
        return self._committed.get(partition)

    def knows(self, partition: TopicPartition) -> bool:
        """Whether anything is, or may become, committed there."""
        is_written = any(written == partition for written, _ in self._written)
        return partition in self._committed or is_written or self.is_unstable(partition)

    def is_unstable(self, partition: TopicPartition) -> bool:
        """Whether an open transaction may change it."""
        return any(partition in pending for pending in self._pending.values())

    @property
    def pending_producers(self) -> frozenset[int]:
        """The producers whose open transactions hold offsets of this group."""
        return frozenset(self._pending)

    @property
    def partitions(self) -> list[TopicPartition]:
        """Every partition of which something is known, committed ones first."""
        known = dict.fromkeys(self._committed)
        known.update(dict.fromkeys(partition for partition, _ in self._written))
        for pending in self._pending.values():
            known.update(dict.fromkeys(pending))
        return list(known)

    def older_than(self, commit_timestamp_ms: int) -> list[TopicPartition]:
        """Committed before that time, and of no interest to an open transaction."""
        return [
            partition
            for partition, committed in self._committed.items()
            if committed.commit_timestamp_ms < commit_timestamp_ms and not self.is_unstable(partition)
        ]
