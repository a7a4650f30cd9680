"""DescribeGroups: a group's state, protocol and members.

Owns: the description.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import structs

from streamz_core.broker.authorized_operations import GROUP_OPERATIONS
from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.broker.groups.state import Group, GroupState
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.describe_groups import (
    DescribedGroup,
    DescribedGroupMember,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeGroupsRequest


async def handle(broker: HandlerBroker, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
    """Describe each group asked for; one that does not exist is Dead, as in Kafka."""
    described = [_described(broker, group_id) for group_id in request.groups]
    if request.include_authorized_operations:
        described = [structs.replace(group, authorized_operations=GROUP_OPERATIONS) for group in described]
    return DescribeGroupsResponse(groups=described)


def _described(broker: HandlerBroker, group_id: str) -> DescribedGroup:
    live = broker.groups.get(group_id)
    if live is None or isinstance(live.group, ConsumerGroup):
        return DescribedGroup(
            group_id=group_id,
            error_code=ErrorCode.GROUP_ID_NOT_FOUND,
            error_message=f"there is no group {group_id!r} of the classic protocol",
            group_state=GroupState.DEAD.value,
            members=[],
        )
    group = live.group
    return DescribedGroup(
        group_id=group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol_data=group.protocol_name or "",
        members=_members(group),
    )


def _members(group: Group) -> list[DescribedGroupMember]:
    # Between two generations subscriptions and assignments are in flux: Kafka shows none of them.
    is_stable = group.state is GroupState.STABLE
    return [
        DescribedGroupMember(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            member_metadata=member.subscription(group.protocol_name) if is_stable else b"",
            member_assignment=member.assignment if is_stable else b"",
        )
        for member in group.members.values()
    ]
