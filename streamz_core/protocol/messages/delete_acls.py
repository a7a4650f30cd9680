"""DeleteAcls (API key 31).

Source: https://kafka.apache.org/protocol#The_Messages_DeleteAcls
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)
from streamz_core.protocol.messages.request import Message, Request


class DeleteAclsMatchingAcl(Message, frozen=True, kw_only=True):
    """An entry that was deleted."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    resource_type: ResourceType
    resource_name: str
    pattern_type: PatternType = PatternType.LITERAL
    principal: str
    host: str
    operation: AclOperation
    permission_type: AclPermissionType


class DeleteAclsFilterResult(Message, frozen=True, kw_only=True):
    """What one filter deleted."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    matching_acls: list[DeleteAclsMatchingAcl] = msgspec.field(default_factory=list)


class DeleteAclsResponse(Message, frozen=True, kw_only=True):
    """One result per filter, in the request's order."""

    filter_results: list[DeleteAclsFilterResult]
    throttle_time_ms: int = 0


class DeleteAclsRequest(Request[DeleteAclsResponse], frozen=True, kw_only=True):
    """Delete every entry that one of the filters lets pass."""

    api_key: ClassVar[int] = 31
    filters: list[AclBindingFilter]
