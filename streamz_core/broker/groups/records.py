"""Kafka's record formats of ``__consumer_offsets``.

Owns: keys and values of committed offsets (written as key v1, value v3; values v0 to v4 are read) and
of group metadata (written as key v2, value v3; values v0 to v3 are read).
Must not know: the log, or what a group does with them.

Source: the message definitions of Apache Kafka's group coordinator (OffsetCommitKey, OffsetCommitValue,
GroupMetadataKey, GroupMetadataValue).
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from streamz_core.broker.groups.consumer.records import ConsumerKey
from streamz_core.broker.groups.consumer.records import read_key as read_consumer_key
from streamz_core.broker.groups.state import Group, GroupState, Member
from streamz_core.broker.record_fields import FieldReader, FieldWriter, is_writable
from streamz_core.model import TopicPartition

_OFFSET_KEY_VERSIONS: Final = (0, 1)
_GROUP_KEY_VERSION: Final = 2
_OFFSET_VALUE: Final = Struct(">hqih")
"""Version 3's version, offset, leader epoch and the length of the metadata."""
_INT64: Final = Struct(">q")
_INT32: Final = Struct(">i")


def is_valid_group_id(group_id: str) -> bool:
    """Whether the formats can carry the name; the empty name is no group's."""
    return group_id != "" and is_writable(group_id)


class OffsetKey(NamedTuple):
    """Whose offset in which partition."""

    group_id: str
    partition: TopicPartition


class GroupKey(NamedTuple):
    """Whose metadata."""

    group_id: str


class CommittedOffset(NamedTuple):
    """An offset as it was committed. ``record_offset`` is where in ``__consumer_offsets`` it stands."""

    offset: int
    leader_epoch: int
    metadata: str
    commit_timestamp_ms: int
    record_offset: int = -1


@lru_cache(maxsize=4_096)  # a group commits the same partitions again and again
def offset_key(group_id: str, partition: TopicPartition) -> bytes:
    """The key of a committed offset, version 1."""
    group, topic = group_id.encode(), partition.topic.encode()
    return b"".join(
        (
            b"\x00\x01",
            len(group).to_bytes(2),
            group,
            len(topic).to_bytes(2),
            topic,
            _INT32.pack(partition.partition),
        )
    )


def offset_value(committed: CommittedOffset) -> bytes:
    """The value of a committed offset, version 3."""
    offset, leader_epoch, text, commit_timestamp_ms, _ = committed
    metadata = text.encode()
    head = _OFFSET_VALUE.pack(3, offset, leader_epoch, len(metadata))
    return head + metadata + _INT64.pack(commit_timestamp_ms)


def group_key(group_id: str) -> bytes:
    """The key of a group's metadata, version 2."""
    return FieldWriter().int16(_GROUP_KEY_VERSION).string(group_id).take()


def group_value(group: Group) -> bytes:
    """The value of a group's metadata, version 3."""
    writer = FieldWriter().int16(3).string(group.protocol_type or "").int32(group.generation_id)
    writer.string(group.protocol_name).string(group.leader).int64(group.state_since_ms)
    writer.int32(len(group.members))
    for member in group.members.values():
        writer.string(member.member_id).string(member.group_instance_id)
        writer.string(member.client_id).string(member.client_host)
        writer.int32(member.rebalance_timeout_ms).int32(member.session_timeout_ms)
        writer.bytes_(member.subscription(group.protocol_name)).bytes_(member.assignment)
    return writer.take()


def read_key(key: bytes) -> OffsetKey | GroupKey | ConsumerKey | None:
    """What a record is about; None for a kind that a newer Kafka writes and this lacks."""
    reader = FieldReader(key, "__consumer_offsets key")
    version = reader.int16()
    if version in _OFFSET_KEY_VERSIONS:
        return OffsetKey(reader.string(), TopicPartition(reader.string(), reader.int32()))
    return GroupKey(reader.string()) if version == _GROUP_KEY_VERSION else read_consumer_key(version, reader)


def read_offset(value: bytes, record_offset: int) -> CommittedOffset:
    """A committed offset, versions 0 to 4."""
    reader = FieldReader(value, "committed offset")
    version = reader.int16()
    if not 0 <= version <= 4:
        raise reader.corrupt(f"version {version} is not known")
    offset = reader.int64()
    leader_epoch = reader.int32() if version >= 3 else -1
    metadata = reader.compact_string() if version >= 4 else reader.string()
    return CommittedOffset(offset, leader_epoch, metadata, reader.int64(), record_offset)


def read_group(group_id: str, value: bytes) -> Group:
    """A group as it was stored, versions 0 to 3: without members Empty, with members Stable."""
    reader = FieldReader(value, f"metadata of group {group_id!r}")
    version = reader.int16()
    if not 0 <= version <= 3:
        raise reader.corrupt(f"version {version} is not known")
    protocol_type, generation_id = reader.string(), reader.int32()
    protocol_name, leader = reader.nullable_string(), reader.nullable_string()
    state_since_ms = reader.int64() if version >= 2 else -1
    members = [_read_member(reader, version, protocol_name or "") for _ in range(reader.count())]
    return Group(
        group_id=group_id,
        state=GroupState.STABLE if members else GroupState.EMPTY,
        generation_id=generation_id,
        protocol_type=protocol_type or None,
        protocol_name=protocol_name,
        leader=leader,
        members={member.member_id: member for member in members},
        state_since_ms=state_since_ms,
        is_assigned=bool(members),
    )


def _read_member(reader: FieldReader, version: int, protocol_name: str) -> Member:
    member_id = reader.string()
    group_instance_id = reader.nullable_string() if version >= 3 else None
    client_id, client_host = reader.string(), reader.string()
    rebalance_timeout_ms = reader.int32() if version >= 1 else -1
    session_timeout_ms = reader.int32()
    return Member(
        member_id=member_id,
        group_instance_id=group_instance_id,
        client_id=client_id,
        client_host=client_host,
        session_timeout_ms=session_timeout_ms,
        rebalance_timeout_ms=rebalance_timeout_ms if rebalance_timeout_ms >= 0 else session_timeout_ms,
        protocols=((protocol_name, reader.bytes_()),),
        assignment=reader.bytes_(),
        has_synced=True,
    )
