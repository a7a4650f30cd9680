"""JoinGroup (API key 11): become a member of a group's next generation.

Source: https://kafka.apache.org/protocol#The_Messages_JoinGroup
"""

from __future__ import annotations

from typing import ClassVar, Final

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request

LOCAL_HOSTS: Final = ("", "/local")
"""Hosts of members within the broker's own process, and of those of other processes on its local socket."""


class JoinGroupProtocol(Message, frozen=True, kw_only=True):
    """An assignor this member can follow, and its subscription encoded for it."""

    name: str
    metadata: bytes


class JoinGroupMember(Message, frozen=True, kw_only=True):
    """A member as the leader sees it."""

    member_id: str
    group_instance_id: str | None = None
    metadata: bytes


class JoinGroupResponse(Message, frozen=True, kw_only=True):
    """The generation joined. Only the leader is given ``members``, and then assigns."""

    error_code: ErrorCode = ErrorCode.NONE
    generation_id: int = -1
    protocol_type: str | None = None
    protocol_name: str | None = None
    leader: str = ""
    skip_assignment: bool = False
    member_id: str = ""
    members: list[JoinGroupMember]
    throttle_time_ms: int = 0


class JoinGroupRequest(Request[JoinGroupResponse], frozen=True, kw_only=True):
    """Join or rejoin; answered when every member has, or ``rebalance_timeout_ms`` have passed."""

    api_key: ClassVar[int] = 11
    group_id: str
    session_timeout_ms: int
    rebalance_timeout_ms: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
    protocol_type: str = "consumer"
    protocols: list[JoinGroupProtocol]
    reason: str | None = None
    client_id: str = ""
    client_host: str = ""
    """Where the request came from, as the listener saw it; see ``LOCAL_HOSTS``."""
    requires_known_member_id: bool = False
    """Answer a member without an id by MEMBER_ID_REQUIRED and an id first (KIP-394, from version 4 on)."""
