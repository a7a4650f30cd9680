"""ListGroups (API key 16).

Source: https://kafka.apache.org/protocol#The_Messages_ListGroups
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class ListedGroup(Message, frozen=True, kw_only=True):
    """A group and what it is; ``group_type`` is the protocol its members speak (KIP-848)."""

    group_id: str
    protocol_type: str
    group_state: str
    group_type: str = "classic"


class ListGroupsResponse(Message, frozen=True, kw_only=True):
    """Every group, or those asked for."""

    error_code: ErrorCode = ErrorCode.NONE
    groups: list[ListedGroup]
    throttle_time_ms: int = 0


class ListGroupsRequest(Request[ListGroupsResponse], frozen=True, kw_only=True):
    """List groups in any of the states and of any of the types named, in any case; empty means all."""

    api_key: ClassVar[int] = 16
    states_filter: tuple[str, ...] = ()
    types_filter: tuple[str, ...] = ()
