"""The classic group requests in a group of the consumer protocol.

Owns: the answers to JoinGroup, SyncGroup, Heartbeat and LeaveGroup there.
Must not know: what they do to the group (``consumer.classic_members``), how a classic group answers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.broker.groups.consumer.classic_members import (
    encoded_assignment,
    joining,
    member_error,
    must_rejoin,
)
from streamz_core.broker.groups.consumer.heartbeats import Heartbeat, Refused
from streamz_core.broker.groups.rebalance import refused_join
from streamz_core.errors import ErrorCode
from streamz_core.protocol.consumer_protocol import PROTOCOL_TYPE
from streamz_core.protocol.messages.consumer_group_heartbeat import LEAVING_EPOCH
from streamz_core.protocol.messages.heartbeat import HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupResponse, MemberIdentity, MemberResponse
from streamz_core.protocol.messages.sync_group import SyncGroupResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.broker.groups.consumer.topics import Topics
    from streamz_core.broker.groups.live_consumer_group import LiveConsumerGroup
    from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
    from streamz_core.protocol.messages.join_group import JoinGroupRequest
    from streamz_core.protocol.messages.leave_group import LeaveGroupRequest
    from streamz_core.protocol.messages.sync_group import SyncGroupRequest

_REBALANCING = HeartbeatResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS)


async def join(
    live: LiveConsumerGroup, request: JoinGroupRequest, topics: Topics, new_member_id: str
) -> JoinGroupResponse:
    """JoinGroup: nobody is waited for; the member is as far towards its target as it can be by now."""
    if not request.member_id and request.group_instance_id is None and request.requires_known_member_id:
        return refused_join(ErrorCode.MEMBER_ID_REQUIRED, new_member_id)
    member_id = request.member_id or new_member_id
    said = joining(request, live.group, member_id, topics)
    if isinstance(said, Refused):
        return refused_join(said.code, request.member_id)
    step = await live.beat(said, topics)
    if isinstance(step, Refused):
        return refused_join(step.code, request.member_id)
    return JoinGroupResponse(
        generation_id=step.epoch,
        protocol_type=PROTOCOL_TYPE,
        protocol_name=request.protocols[0].name,
        member_id=member_id,
        members=[],
    )


def sync(live: LiveConsumerGroup, request: SyncGroupRequest, topics: Topics) -> SyncGroupResponse:
    """SyncGroup: what the member is to have in the generation that it joined."""
    error = member_error(live.group, request.member_id, request.group_instance_id, request.generation_id)
    if error is not None:
        return SyncGroupResponse(error_code=error)
    member = live.group.members[request.member_id]
    assert member.classic is not None
    name = member.classic.protocols[0][0]
    if request.protocol_name not in (None, name) or request.protocol_type not in (None, PROTOCOL_TYPE):
        return SyncGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    live.heard_of(member.member_id)
    return SyncGroupResponse(
        protocol_type=PROTOCOL_TYPE,
        protocol_name=name,
        assignment=encoded_assignment(member, topics.name_of),
    )


async def heartbeat(
    live: LiveConsumerGroup, request: HeartbeatRequest, topics: Callable[[], Topics]
) -> HeartbeatResponse:
    """Heartbeat: a member that is not where its target wants it is asked to join again."""
    if request.max_wait_ms > 0:  # it will ask again as soon as it is answered
        await live.wait(request.max_wait_ms)
    if live.is_stopped:
        return _REBALANCING
    error = member_error(live.group, request.member_id, request.group_instance_id, request.generation_id)
    if error is not None:
        return HeartbeatResponse(error_code=error)
    live.heard_of(request.member_id)
    live.refresh(topics())
    if not must_rejoin(live.group, live.group.members[request.member_id]):
        return HeartbeatResponse()
    live.await_rejoin(request.member_id)
    return _REBALANCING


async def leave(live: LiveConsumerGroup, request: LeaveGroupRequest, topics: Topics) -> LeaveGroupResponse:
    """LeaveGroup: the members go at once."""
    return LeaveGroupResponse(members=[await _leave(live, member, topics) for member in request.members])


async def _leave(live: LiveConsumerGroup, identity: MemberIdentity, topics: Topics) -> MemberResponse:
    static = None
    if identity.group_instance_id is not None:
        static = live.group.static_member(identity.group_instance_id)
    # An administrator names static members by their instance alone.
    member_id = identity.member_id or ("" if static is None else static.member_id)
    member = live.group.members.get(member_id)
    code = ErrorCode.UNKNOWN_MEMBER_ID
    if member is not None and (member.classic is not None or static is not None):
        goodbye = Heartbeat(member_id=member_id, epoch=LEAVING_EPOCH, instance_id=identity.group_instance_id)
        step = await live.beat(goodbye, topics)
        code = step.code if isinstance(step, Refused) else ErrorCode.NONE
    return MemberResponse(
        member_id=identity.member_id, group_instance_id=identity.group_instance_id, error_code=code
    )
