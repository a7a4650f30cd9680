"""Groups as the commands show them, whichever protocol their members speak.

Owns: which of the two requests describes a group, and what of the answers is shown.
Must not know: how it is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamz_core.cli.connection import CommandError, refuse
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    MalformedMembership,
)
from streamz_core.protocol.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest

if TYPE_CHECKING:
    from streamz_core.client.link import Link
    from streamz_core.protocol.messages.consumer_group_describe import (
        DescribedAssignment,
        DescribedConsumer,
        DescribedConsumerGroup,
    )
    from streamz_core.protocol.messages.describe_groups import DescribedGroup, DescribedGroupMember


@dataclass(frozen=True, slots=True)
class ShownMember:
    """One member and what it reads."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    partitions: list[TopicPartition]
    epoch: int | None = None
    target: list[TopicPartition] | None = None
    """What it is to have; None where its group gives everything out at once."""

    @property
    def host(self) -> str | None:
        """Where it is, as Kafka's tools print it; None within the broker's own process."""
        return f"/{self.client_host.removeprefix('/')}" if self.client_host else None


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """One group."""

    group_id: str
    state: str
    strategy: str
    members: list[ShownMember]
    epoch: int | None = None
    target_epoch: int | None = None
    """The epochs of the group and of its target, which groups of the consumer protocol have."""


async def described(link: Link, names: list[str]) -> list[ShownGroup]:
    """The groups in the order of ``names``; refuses one that does not exist."""
    found: dict[str, ShownGroup] = {}
    for classic in (await link.send(DescribeGroupsRequest(groups=names))).groups:
        if classic.error_code is ErrorCode.GROUP_ID_NOT_FOUND or classic.group_state == "Dead":
            continue
        refuse(classic.error_code, classic.error_message, f"group {classic.group_id!r}")
        found[classic.group_id] = _shown_classic(classic)
    others = [name for name in names if name not in found]
    if others:
        request = ConsumerGroupDescribeRequest(group_ids=others)
        for group in (await link.send(request)).groups:
            if group.error_code is ErrorCode.GROUP_ID_NOT_FOUND:
                raise CommandError(f"group {group.group_id!r} does not exist (see: streamz groups --list)")
            refuse(group.error_code, group.error_message, f"group {group.group_id!r}")
            found[group.group_id] = _shown(group)
    return [found[name] for name in names]


def _shown_classic(group: DescribedGroup) -> ShownGroup:
    return ShownGroup(
        group.group_id,
        group.group_state,
        group.protocol_data,
        [
            ShownMember(m.member_id, m.group_instance_id, m.client_id, m.client_host, _assigned(m))
            for m in group.members
        ],
    )


def _assigned(member: DescribedGroupMember) -> list[TopicPartition]:
    try:
        return ConsumerProtocolMemberAssignment.decode(member.member_assignment).partitions()
    except MalformedMembership:
        return []  # not a consumer: such a group shares out something else than partitions


def _shown(group: DescribedConsumerGroup) -> ShownGroup:
    return ShownGroup(
        group.group_id,
        group.group_state,
        group.assignor_name,
        [_shown_member(member) for member in group.members],
        group.group_epoch,
        group.assignment_epoch,
    )


def _shown_member(member: DescribedConsumer) -> ShownMember:
    return ShownMember(
        member.member_id,
        member.instance_id,
        member.client_id,
        member.client_host,
        _partitions(member.assignment),
        member.member_epoch,
        _partitions(member.target_assignment),
    )


def _partitions(assignment: DescribedAssignment) -> list[TopicPartition]:
    return [
        TopicPartition(topic.topic_name, index)
        for topic in assignment.topic_partitions
        for index in topic.partitions
    ]
