"""DescribeGroups (API key 15).

Source: https://kafka.apache.org/protocol#The_Messages_DescribeGroups
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.request import Message, Request


class DescribedGroupMember(Message, frozen=True, kw_only=True):
    """One member with its encoded subscription and assignment."""

    member_id: str
    group_instance_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    member_metadata: bytes = b""
    member_assignment: bytes = b""


class DescribedGroup(Message, frozen=True, kw_only=True):
    """``group_state``: Empty, PreparingRebalance, CompletingRebalance, Stable or Dead.

    A group that is not there is Dead and, from version 6 on, GROUP_ID_NOT_FOUND as well (KIP-1043); so is one
    of the consumer protocol, which ConsumerGroupDescribe describes.
    """

    group_id: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    group_state: str = ""
    protocol_type: str = ""
    protocol_data: str = ""
    members: list[DescribedGroupMember]
    authorized_operations: int = NOT_ASKED_FOR
    """Bits of the operations the asker may do, if it asked."""


class DescribeGroupsResponse(Message, frozen=True, kw_only=True):
    """One description per group asked for."""

    groups: list[DescribedGroup]
    throttle_time_ms: int = 0


class DescribeGroupsRequest(Request[DescribeGroupsResponse], frozen=True, kw_only=True):
    """Describe groups."""

    api_key: ClassVar[int] = 15
    groups: list[str]
    include_authorized_operations: bool = False
