"""DeleteGroups (API key 42).

Source: https://kafka.apache.org/protocol#The_Messages_DeleteGroups
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class DeletableGroupResult(Message, frozen=True, kw_only=True):
    """What became of one group; NON_EMPTY_GROUP while it has members."""

    group_id: str
    error_code: ErrorCode = ErrorCode.NONE


class DeleteGroupsResponse(Message, frozen=True, kw_only=True):
    """One result per group."""

    results: list[DeletableGroupResult]
    throttle_time_ms: int = 0


class DeleteGroupsRequest(Request[DeleteGroupsResponse], frozen=True, kw_only=True):
    """Forget groups and their offsets."""

    api_key: ClassVar[int] = 42
    groups_names: list[str]
