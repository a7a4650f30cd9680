"""SyncGroup (API key 14): the leader hands in the assignment, every member takes its own.

Source: https://kafka.apache.org/protocol#The_Messages_SyncGroup
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class SyncGroupAssignment(Message, frozen=True, kw_only=True):
    """One member's encoded assignment."""

    member_id: str
    assignment: bytes


class SyncGroupResponse(Message, frozen=True, kw_only=True):
    """The member's own encoded assignment."""

    error_code: ErrorCode = ErrorCode.NONE
    protocol_type: str | None = None
    protocol_name: str | None = None
    assignment: bytes = b""
    throttle_time_ms: int = 0


class SyncGroupRequest(Request[SyncGroupResponse], frozen=True, kw_only=True):
    """Followers send no ``assignments``; answered once the leader has."""

    api_key: ClassVar[int] = 14
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None
    protocol_type: str | None = None
    protocol_name: str | None = None
    assignments: list[SyncGroupAssignment]
