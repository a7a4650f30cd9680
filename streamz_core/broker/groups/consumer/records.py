"""Kafka's record formats of a consumer group.

Owns: keys and values of the group, its target, and each member's metadata, target and present assignment; which of
them a change of the group writes; and the group that they add up to.
Must not know: the log.

Source: the message definitions of Apache Kafka's group coordinator (ConsumerGroupMetadata, -MemberMetadata,
-TargetAssignmentMetadata, -TargetAssignmentMember, -CurrentMemberAssignment)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import groupby
from typing import Final, NamedTuple

from streamz_core.broker.groups.consumer.state import (
    NONE,
    ClassicProtocol,
    ConsumerGroup,
    ConsumerMember,
    MemberState,
    Partitions,
    TopicIdPartition,
    change_group,
    change_member,
)
from streamz_core.broker.record_fields import FieldReader, FieldWriter

_VERSION: Final = 0
_TOPIC_ID_BYTES: Final = 16
_CLASSIC_TAG: Final = 0
_PRESENT: Final = 1
"""What stands before a structure that could be null."""


class Kind(IntEnum):
    """What a record is about: the version of its key."""

    GROUP = 3
    MEMBER = 5
    TARGET = 6
    MEMBER_TARGET = 7
    MEMBER_ASSIGNMENT = 8


_OF_MEMBERS: Final = frozenset({Kind.MEMBER, Kind.MEMBER_TARGET, Kind.MEMBER_ASSIGNMENT})
_KINDS: Final = frozenset(Kind)


class ConsumerKey(NamedTuple):
    """What a record is about, in which group, and of which member if it is about one."""

    kind: Kind
    group_id: str
    member_id: str = ""


Changes = dict[ConsumerKey, bytes | None]
"""Records by key; None takes back."""


def key_bytes(key: ConsumerKey) -> bytes:
    """A key as it is written."""
    writer = FieldWriter().int16(key.kind).string(key.group_id)
    return (writer.string(key.member_id) if key.kind in _OF_MEMBERS else writer).take()


def read_key(version: int, reader: FieldReader) -> ConsumerKey | None:
    """What a record is about, from behind its version; None for what is no record of a consumer group."""
    if version not in _KINDS:
        return None
    kind = Kind(version)
    return ConsumerKey(kind, reader.string(), reader.string() if kind in _OF_MEMBERS else "")


def changes(before: ConsumerGroup, after: ConsumerGroup) -> Changes:
    """The records that make ``before`` ``after``."""
    group_id = after.group_id
    found: Changes = {}
    if before.epoch != after.epoch:
        found[ConsumerKey(Kind.GROUP, group_id)] = (
            FieldWriter().int16(_VERSION).int32(after.epoch).uvarint(0).take()
        )
    if before.target_epoch != after.target_epoch:
        epoch = FieldWriter().int16(_VERSION).int32(after.target_epoch).uvarint(0)
        found[ConsumerKey(Kind.TARGET, group_id)] = epoch.take()
    for member_id in before.members.keys() - after.members.keys():
        for kind in _OF_MEMBERS:
            found[ConsumerKey(kind, group_id, member_id)] = None
    for member_id, member in after.members.items():
        held = before.members.get(member_id)
        if held is member:
            continue
        if held is None or _described(held) != _described(member):
            found[ConsumerKey(Kind.MEMBER, group_id, member_id)] = _member_value(member)
        if held is None or _placed(held) != _placed(member):
            found[ConsumerKey(Kind.MEMBER_ASSIGNMENT, group_id, member_id)] = _assignment_value(member)
    if before.target is not after.target:
        for member_id, target in after.target.items():
            if before.target.get(member_id) != target:
                found[ConsumerKey(Kind.MEMBER_TARGET, group_id, member_id)] = _target_value(target)
    return found


def removal(group: ConsumerGroup) -> Changes:
    """The records that take all of a group back."""
    found: Changes = {ConsumerKey(kind, group.group_id): None for kind in (Kind.GROUP, Kind.TARGET)}
    for member_id in group.members:
        found |= {ConsumerKey(kind, group.group_id, member_id): None for kind in _OF_MEMBERS}
    return found


def applied(group: ConsumerGroup, key: ConsumerKey, value: bytes | None, timestamp_ms: int) -> ConsumerGroup:
    """The group after one more of its records. Raises ``CorruptState``."""
    if value is None:
        return _taken_back(group, key)
    reader = FieldReader(value, f"consumer group {key.group_id!r} {key.kind.name.lower()}")
    version = reader.int16()
    if version != _VERSION:
        raise reader.corrupt(f"version {version} is not known")
    match key.kind:
        case Kind.GROUP:
            return change_group(group, epoch=reader.int32(), changed_ms=timestamp_ms)
        case Kind.TARGET:
            return change_group(group, target_epoch=reader.int32())
        case Kind.MEMBER_TARGET:
            return change_group(group, target={**group.target, key.member_id: _read_partitions(reader)})
        case Kind.MEMBER:
            return group.with_member(_with_metadata(_held(group, key), reader))
        case Kind.MEMBER_ASSIGNMENT:
            return group.with_member(_with_assignment(_held(group, key), reader))


def _taken_back(group: ConsumerGroup, key: ConsumerKey) -> ConsumerGroup:
    match key.kind:
        case Kind.GROUP:
            return ConsumerGroup(group_id=group.group_id)
        case Kind.TARGET:
            return change_group(group, target_epoch=0)
        case Kind.MEMBER_TARGET:
            return change_group(group, target={m: p for m, p in group.target.items() if m != key.member_id})
        case Kind.MEMBER:
            return change_group(group, members={m: v for m, v in group.members.items() if m != key.member_id})
        case Kind.MEMBER_ASSIGNMENT:
            if key.member_id not in group.members:
                return group
            idle = change_member(
                group.members[key.member_id],
                epoch=0,
                previous_epoch=0,
                state=MemberState.STABLE,
                assigned=NONE,
                revoking=NONE,
            )
            return group.with_member(idle)


def _held(group: ConsumerGroup, key: ConsumerKey) -> ConsumerMember:
    return group.members.get(key.member_id) or ConsumerMember(member_id=key.member_id)


def _described(member: ConsumerMember) -> tuple[object, ...]:
    who = (member.instance_id, member.rack_id, member.client_id, member.client_host)
    return (*who, member.rebalance_timeout_ms, member.topics, member.regex, member.assignor, member.classic)


def _placed(member: ConsumerMember) -> tuple[object, ...]:
    return (member.epoch, member.previous_epoch, member.state, member.assigned, member.revoking)


def _member_value(member: ConsumerMember) -> bytes:
    writer = FieldWriter().int16(_VERSION)
    writer.compact_nullable_string(member.instance_id).compact_nullable_string(member.rack_id)
    writer.compact_string(member.client_id).compact_string(member.client_host)
    writer.uvarint(len(member.topics) + 1)
    for name in sorted(member.topics):
        writer.compact_string(name)
    writer.compact_nullable_string(member.regex).int32(member.rebalance_timeout_ms)
    writer.compact_nullable_string(member.assignor)
    tagged = {} if member.classic is None else {_CLASSIC_TAG: _classic_value(member.classic)}
    return writer.tagged_fields(tagged).take()


def _classic_value(classic: ClassicProtocol) -> bytes:
    writer = (
        FieldWriter().int8(_PRESENT).int32(classic.session_timeout_ms).uvarint(len(classic.protocols) + 1)
    )
    for name, metadata in classic.protocols:
        writer.compact_string(name).uvarint(len(metadata) + 1).raw(metadata).uvarint(0)
    return writer.uvarint(0).take()


def _with_metadata(member: ConsumerMember, reader: FieldReader) -> ConsumerMember:
    return change_member(
        member,
        instance_id=reader.compact_nullable_string(),
        rack_id=reader.compact_nullable_string(),
        client_id=reader.compact_string(),
        client_host=reader.compact_string(),
        topics=frozenset(reader.compact_string() for _ in range(reader.compact_count())),
        regex=reader.compact_nullable_string(),
        rebalance_timeout_ms=reader.int32(),
        assignor=reader.compact_nullable_string(),
        classic=_read_classic(reader),
    )


def _read_classic(reader: FieldReader) -> ClassicProtocol | None:
    found = reader.tagged_fields().get(_CLASSIC_TAG)
    if found is None:
        return None
    inner = FieldReader(found, "classic member of a consumer group")
    if inner.int8() != _PRESENT:
        return None
    session_timeout_ms = inner.int32()
    protocols = []
    for _ in range(inner.compact_count()):
        name = inner.compact_string()
        protocols.append((name, inner.raw(inner.uvarint() - 1)))
        inner.tagged_fields()
    return ClassicProtocol(session_timeout_ms=session_timeout_ms, protocols=tuple(protocols))


def _target_value(target: Partitions) -> bytes:
    writer = FieldWriter().int16(_VERSION)
    _write_partitions(writer, target)
    return writer.uvarint(0).take()


def _assignment_value(member: ConsumerMember) -> bytes:
    writer = FieldWriter().int16(_VERSION).int32(member.epoch).int32(member.previous_epoch).int8(member.state)
    _write_partitions(writer, member.assigned)
    _write_partitions(writer, member.revoking)
    return writer.uvarint(0).take()


def _with_assignment(member: ConsumerMember, reader: FieldReader) -> ConsumerMember:
    epoch, previous_epoch, state = reader.int32(), reader.int32(), reader.int8()
    if state not in MemberState.__members__.values():
        raise reader.corrupt(f"the state {state} is not known")
    return change_member(
        member,
        epoch=epoch,
        previous_epoch=previous_epoch,
        state=MemberState(state),
        assigned=_read_partitions(reader),
        revoking=_read_partitions(reader),
    )


def _write_partitions(writer: FieldWriter, partitions: Partitions) -> None:
    by_topic: Mapping[bytes, list[int]] = {
        topic_id: [one.partition for one in found]
        for topic_id, found in groupby(sorted(partitions), key=lambda one: one.topic_id)
    }
    writer.uvarint(len(by_topic) + 1)
    for topic_id, numbers in by_topic.items():
        writer.raw(topic_id).uvarint(len(numbers) + 1)
        for number in numbers:
            writer.int32(number)
        writer.uvarint(0)


def _read_partitions(reader: FieldReader) -> Partitions:
    found: set[TopicIdPartition] = set()
    for _ in range(reader.compact_count()):
        topic_id = reader.raw(_TOPIC_ID_BYTES)
        found.update(TopicIdPartition(topic_id, reader.int32()) for _ in range(reader.compact_count()))
        reader.tagged_fields()
    return frozenset(found)
