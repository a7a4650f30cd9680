"""Reading and writing ``__consumer_offsets``.

Owns: which records a commit, a group and a deletion become, and what a partition of the topic says when
it is read from its start.
Must not know: membership, requests, when to wait for durability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.broker.groups import records
from streamz_core.broker.groups.consumer.records import ConsumerKey, applied
from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.groups.records import CommittedOffset
from streamz_core.broker.groups.state import Group
from streamz_core.broker.internal_topics import OFFSETS_TOPIC, existing_logs, log_for, replay
from streamz_core.model import Durability
from streamz_core.protocol.control import Marker, read_marker
from streamz_core.protocol.record_batch import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamz_core.broker.services import BrokerServices
    from streamz_core.log.partition_log import PartitionLog
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.record_batch import BatchHeader, Columns


class OffsetsLog:
    """The topic as the coordinator writes it. Every write is in the log on return, durable or not."""

    def __init__(self, services: BrokerServices) -> None:
        self._services = services

    def partition_log(self, group_id: str) -> PartitionLog:
        """The log this group lives in."""
        return log_for(self._services, OFFSETS_TOPIC, group_id, self._services.config.offsets_partitions)

    def write_offsets(
        self,
        group_id: str,
        offsets: Mapping[TopicPartition, CommittedOffset],
        *,
        producer_id: int = -1,
        producer_epoch: int = -1,
    ) -> dict[TopicPartition, CommittedOffset]:
        """Write a commit, within a transaction if a producer is named; answers with the record offsets.

        Raises what ``PartitionLog.append`` raises.
        """
        keys = [records.offset_key(group_id, partition) for partition in offsets]
        values = [records.offset_value(committed) for committed in offsets.values()]
        log = self.partition_log(group_id)
        is_transactional = producer_id >= 0
        # As the log has it: one epoch may serve many transactions, and a batch with the sequence of an
        # earlier one would be taken for that one repeated.
        sequence = log.next_sequence(producer_id, producer_epoch) if is_transactional else -1
        batch = encode(
            keys,
            values,
            [self._services.clock.now_ms()] * len(keys),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=sequence,
            transactional=is_transactional,
        )
        base_offset = self._services.write(log, batch).base_offset
        return {
            partition: CommittedOffset(offset, leader_epoch, metadata, commit_timestamp_ms, record_offset)
            for record_offset, (
                partition,
                (offset, leader_epoch, metadata, commit_timestamp_ms, _),
            ) in enumerate(offsets.items(), base_offset)
        }

    def write_group(self, group: Group, *, level: Durability) -> int:
        """Write a group's metadata; answers with the record's offset."""
        key = records.group_key(group.group_id)
        return self._write(group.group_id, [key], [records.group_value(group)], level)

    def write_records(self, group_id: str, changes: Mapping[bytes, bytes | None]) -> int:
        """Write records by their keys, None takes back; answers with the last one's offset."""
        return self._write(group_id, list(changes), list(changes.values())) + len(changes) - 1

    def write_tombstones(
        self, group_id: str, partitions: Iterable[TopicPartition], group_keys: Iterable[bytes] = ()
    ) -> int | None:
        """Take back offsets, and the group's own records; answers with the last one's offset, None if nothing."""
        keys = [records.offset_key(group_id, partition) for partition in partitions]
        keys += group_keys
        return self.write_records(group_id, dict.fromkeys(keys)) if keys else None

    def _write(
        self,
        group_id: str,
        keys: Sequence[bytes],
        values: Sequence[bytes | None],
        level: Durability = Durability.SYNC,
    ) -> int:
        batch = encode(keys, values, [self._services.clock.now_ms()] * len(keys))
        return self._services.write(self.partition_log(group_id), batch, level=level).base_offset


class LoadedGroup:
    """What the topic says of one group."""

    __slots__ = ("classic", "consumer", "offsets")

    def __init__(self, group_id: str) -> None:
        self.classic = Group(group_id=group_id)
        self.consumer = ConsumerGroup(group_id=group_id)
        self.offsets = GroupOffsets()

    @property
    def group(self) -> Group | ConsumerGroup:
        """The group, of the protocol that its members spoke last."""
        return self.consumer if self.consumer.epoch > 0 else self.classic

    @property
    def is_known(self) -> bool:
        """Whether anything is left of it but tombstones."""
        return self.classic.generation_id > 0 or self.consumer.epoch > 0 or not self.offsets.is_empty


class Loaded:
    """What the topic says of all groups."""

    def __init__(self) -> None:
        self.groups: dict[str, LoadedGroup] = {}
        self._holders: dict[int, set[str]] = {}

    def take(self, header: BatchHeader, columns: Columns) -> None:
        """One batch of a partition, in order; raises ``CorruptState`` for a foreign record."""
        if header.is_control:
            is_committed = read_marker(columns.keys[0]) is Marker.COMMIT
            for group_id in self._holders.pop(header.producer_id, ()):
                self.groups[group_id].offsets.resolve(header.producer_id, is_committed=is_committed)
            return
        for record_offset, at_ms, raw_key, value in zip(
            columns.offsets, columns.timestamps, columns.keys, columns.values, strict=True
        ):
            key = records.read_key(raw_key or b"")
            if isinstance(key, ConsumerKey):
                held = self._held(key.group_id)
                held.consumer = applied(held.consumer, key, value, at_ms)
            elif key is not None:
                self._take_record(header, record_offset, key, value)

    def _take_record(
        self,
        header: BatchHeader,
        record_offset: int,
        key: records.OffsetKey | records.GroupKey,
        value: bytes | None,
    ) -> None:
        held = self._held(key.group_id)
        if isinstance(key, records.GroupKey):
            empty = Group(group_id=key.group_id)
            held.classic = empty if value is None else records.read_group(key.group_id, value)
        elif value is None:
            held.offsets.forget([key.partition])
        elif header.is_transactional:
            held.offsets.hold(header.producer_id, {key.partition: records.read_offset(value, record_offset)})
            self._holders.setdefault(header.producer_id, set()).add(key.group_id)
        else:
            held.offsets.load(key.partition, records.read_offset(value, record_offset))

    def _held(self, group_id: str) -> LoadedGroup:
        return self.groups.setdefault(group_id, LoadedGroup(group_id))

    def end_partition(self) -> None:
        """The next batch is another partition's."""
        self._holders.clear()


def load(services: BrokerServices) -> Loaded:
    """Everything ``__consumer_offsets`` knows; raises ``CorruptState`` for a foreign record."""
    loaded = Loaded()
    for log in existing_logs(services, OFFSETS_TOPIC):
        for header, columns in replay(log):
            loaded.take(header, columns)
        loaded.end_partition()
    loaded.groups = {group_id: held for group_id, held in loaded.groups.items() if held.is_known}
    return loaded
