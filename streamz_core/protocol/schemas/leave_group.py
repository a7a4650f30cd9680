"""LeaveGroup (API key 13) on the wire: one member at a time before version 3."""

from __future__ import annotations

from typing import Final

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    MemberResponse,
)
from streamz_core.protocol.messages.request import Message
from streamz_core.protocol.schemas.form import Form
from streamz_core.protocol.schemas.one_at_a_time import OneAtATime


class RequestOnWire(Message, frozen=True, kw_only=True):
    """One member, or several."""

    group_id: str
    member_id: str = ""
    members: list[MemberIdentity] = msgspec.field(default_factory=list)


def request_from_wire(version: int, wire: RequestOnWire) -> LeaveGroupRequest:
    """One member is a list of one."""
    members = wire.members if version >= 3 else [MemberIdentity(member_id=wire.member_id)]
    return LeaveGroupRequest(group_id=wire.group_id, members=members)


def request_to_wire(version: int, request: LeaveGroupRequest) -> RequestOnWire:
    """The only member by itself; raises ``OneAtATime``."""
    members = request.members
    if version >= 3:
        return RequestOnWire(group_id=request.group_id, members=members)
    if len(members) != 1:
        raise OneAtATime("LeaveGroup", version, len(members))
    return RequestOnWire(group_id=request.group_id, member_id=members[0].member_id)


def response_from_wire(version: int, response: LeaveGroupResponse) -> LeaveGroupResponse:
    """The error of the only member is that of the answer."""
    if version >= 3:
        return response
    one = MemberResponse(member_id="", error_code=response.error_code)
    return msgspec.structs.replace(response, error_code=ErrorCode.NONE, members=[one])


def response_to_wire(version: int, response: LeaveGroupResponse) -> LeaveGroupResponse:
    """The error of the only member is that of the answer."""
    if version >= 3 or response.error_code is not ErrorCode.NONE:
        return response
    code = next((one.error_code for one in response.members), ErrorCode.NONE)
    return msgspec.structs.replace(response, error_code=code)


REQUEST: Final = Form(
    message=LeaveGroupRequest,
    wire=RequestOnWire,
    from_wire=request_from_wire,
    to_wire=request_to_wire,
    table="""
versions 0-5, flexible 4+
group_id: string
member_id: string 0-2
members: [] 3+
    member_id: string
    group_instance_id: string? = null
    reason: string? 5+ = null
""",
)
RESPONSE: Final = Form(
    message=LeaveGroupResponse,
    from_wire=response_from_wire,
    to_wire=response_to_wire,
    table="""
versions 0-5, flexible 4+
throttle_time_ms: int32 1+
error_code: int16
members: [] 3+
    member_id: string
    group_instance_id: string?
    error_code: int16
""",
)
