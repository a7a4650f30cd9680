"""LeaveGroup (API key 13): members go, and their partitions are free at once.

Source: https://kafka.apache.org/protocol#The_Messages_LeaveGroup
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class MemberIdentity(Message, frozen=True, kw_only=True):
    """A member that leaves."""

    member_id: str
    group_instance_id: str | None = None
    reason: str | None = None


class MemberResponse(Message, frozen=True, kw_only=True):
    """What became of one member."""

    member_id: str
    group_instance_id: str | None = None
    error_code: ErrorCode = ErrorCode.NONE


class LeaveGroupResponse(Message, frozen=True, kw_only=True):
    """One answer per member."""

    error_code: ErrorCode = ErrorCode.NONE
    members: list[MemberResponse]
    throttle_time_ms: int = 0


class LeaveGroupRequest(Request[LeaveGroupResponse], frozen=True, kw_only=True):
    """Leave a group."""

    api_key: ClassVar[int] = 13
    group_id: str
    members: list[MemberIdentity]
