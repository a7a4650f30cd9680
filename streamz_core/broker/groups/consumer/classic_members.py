"""Members that speak the classic protocol in a group of the consumer protocol, and groups on their way between the two.

Owns: what a JoinGroup says as a heartbeat, when such a member has to join again, what it is assigned in the encoding of
its protocol, and what a group of the one protocol is as one of the other.
Must not know: requests waiting, files, clocks.

A group whose members are restarted one by one with ``group.protocol=consumer`` turns when the first of them comes; a
classic member then is told to rebalance until it is where its target wants it, and joins for every step. When the last
member of the consumer protocol goes, the group turns back.

Source: KIP-848, "Consumer Group Migration"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.broker.groups.consumer.heartbeats import Heartbeat, Refused
from streamz_core.broker.groups.consumer.state import (
    NONE,
    ClassicProtocol,
    ConsumerGroup,
    ConsumerMember,
    MemberState,
    Partitions,
    TopicIdPartition,
)
from streamz_core.broker.groups.state import Group, GroupState, Member
from streamz_core.errors import ErrorCode
from streamz_core.protocol.consumer_protocol import (
    PROTOCOL_TYPE,
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    MalformedMembership,
    grouped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.broker.groups.consumer.topics import Topics
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.messages.join_group import JoinGroupRequest


def joining(
    request: JoinGroupRequest, group: ConsumerGroup, member_id: str, topics: Topics
) -> Heartbeat | Refused:
    """A JoinGroup of a classic member as what it says: what it subscribes to, and what it has."""
    protocols = tuple((protocol.name, protocol.metadata) for protocol in request.protocols)
    others = [m.classic for m in group.members.values() if m.classic is not None and m.member_id != member_id]
    common = {name for name, _ in protocols}.intersection(
        *({name for name, _ in o.protocols} for o in others)
    )
    if request.protocol_type != PROTOCOL_TYPE or not common:
        message = (
            f"group {group.group_id!r} has members of the consumer protocol, or of none of these assignors"
        )
        return Refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, message)
    try:
        subscription = ConsumerProtocolMemberMetadata.decode(protocols[0][1])
    except MalformedMembership as wrong:
        return Refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, str(wrong))
    rebalance_timeout_ms = max(request.rebalance_timeout_ms, 0) or request.session_timeout_ms
    return Heartbeat(
        member_id=member_id,
        epoch=0,
        instance_id=request.group_instance_id,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=rebalance_timeout_ms,
        topics=frozenset(subscription.subscription),
        regex="",
        owned=_ids(subscription.owned(), topics),
        classic=ClassicProtocol(session_timeout_ms=request.session_timeout_ms, protocols=protocols),
    )


def must_rejoin(group: ConsumerGroup, member: ConsumerMember) -> bool:
    """Whether a classic member is to be told that a rebalance is under way."""
    if member.epoch < group.epoch or member.state is MemberState.UNREVOKED_PARTITIONS:
        return True
    wanted = group.target.get(member.member_id, NONE) - member.assigned
    return bool(wanted) and not wanted <= group.held_by_others(member.member_id)


def member_error(
    group: ConsumerGroup, member_id: str, group_instance_id: str | None, generation_id: int
) -> ErrorCode | None:
    """Why who speaks the classic protocol is no member in this generation, or None."""
    static = None if group_instance_id is None else group.static_member(group_instance_id)
    if static is not None and static.member_id != member_id:
        return ErrorCode.FENCED_INSTANCE_ID
    member = group.members.get(member_id)
    if member is None or member.classic is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    return None if member.epoch == generation_id else ErrorCode.ILLEGAL_GENERATION


def encoded_assignment(member: ConsumerMember, name_of: Callable[[bytes], str | None]) -> bytes:
    """What a classic member is assigned; partitions of deleted topics are left out."""
    named = ((name_of(one.topic_id), one.partition) for one in sorted(member.assigned))
    partitions = grouped((name, number) for name, number in named if name is not None)
    return ConsumerProtocolMemberAssignment(assignment=partitions).encode()


def upgraded(group: Group, topics: Topics) -> ConsumerGroup | None:
    """A group of the classic protocol as one of the consumer protocol; None where its members are no consumers."""
    if group.members and group.protocol_type != PROTOCOL_TYPE:
        return None
    try:
        members = {m.member_id: _upgraded(m, group, topics) for m in group.members.values()}
    except MalformedMembership:
        return None
    return ConsumerGroup(
        group_id=group.group_id,
        epoch=group.generation_id,
        members=members,
        target_epoch=group.generation_id,
        target={member_id: member.assigned for member_id, member in members.items()},
        changed_ms=group.state_since_ms,
    )


def _upgraded(member: Member, group: Group, topics: Topics) -> ConsumerMember:
    subscription = ConsumerProtocolMemberMetadata.decode(member.protocols[0][1])
    assigned = ConsumerProtocolMemberAssignment.decode(member.assignment).partitions()
    return ConsumerMember(
        member_id=member.member_id,
        instance_id=member.group_instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topics=frozenset(subscription.subscription),
        epoch=group.generation_id,
        previous_epoch=group.generation_id,
        assigned=_ids(assigned, topics),
        classic=ClassicProtocol(session_timeout_ms=member.session_timeout_ms, protocols=member.protocols),
    )


def is_left_to_classic(group: ConsumerGroup) -> bool:
    """Whether there are members and none of them speaks the consumer protocol any more."""
    return bool(group.members) and all(member.classic is not None for member in group.members.values())


def downgraded(group: ConsumerGroup, name_of: Callable[[bytes], str | None]) -> Group:
    """A group that is left to classic members as one of theirs, stable: they are to rebalance next."""
    members = {
        member.member_id: Member(
            member_id=member.member_id,
            group_instance_id=member.instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            session_timeout_ms=member.classic.session_timeout_ms,
            rebalance_timeout_ms=member.rebalance_timeout_ms,
            protocols=member.classic.protocols,
            assignment=encoded_assignment(member, name_of),
            has_synced=True,
        )
        for member in group.members.values()
        if member.classic is not None
    }
    first = next(iter(members.values()))
    common = set.intersection(*({name for name, _ in member.protocols} for member in members.values()))
    return Group(
        group_id=group.group_id,
        state=GroupState.STABLE,
        generation_id=group.target_epoch,  # in which those are that have arrived; nobody is beyond
        protocol_type=PROTOCOL_TYPE,
        protocol_name=next(name for name, _ in first.protocols if name in common),
        leader=first.member_id,
        members=members,
        state_since_ms=group.changed_ms,
        is_assigned=True,
    )


def _ids(partitions: Iterable[TopicPartition], topics: Topics) -> Partitions:
    found = ((topics.entries.get(one.topic), one.partition) for one in partitions)
    return frozenset(
        TopicIdPartition(entry.topic_id.bytes, number) for entry, number in found if entry is not None
    )
