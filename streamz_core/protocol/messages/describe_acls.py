"""DescribeAcls (API key 29).

Source: https://kafka.apache.org/protocol#The_Messages_DescribeAcls
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


class AclDescription(Message, frozen=True, kw_only=True):
    """One entry of a pattern."""

    principal: str
    host: str
    operation: AclOperation
    permission_type: AclPermissionType


class DescribeAclsResource(Message, frozen=True, kw_only=True):
    """A pattern and its entries."""

    resource_type: ResourceType
    resource_name: str
    pattern_type: PatternType = PatternType.LITERAL
    acls: list[AclDescription]


class DescribeAclsResponse(Message, frozen=True, kw_only=True):
    """The entries that pass the filter, by pattern."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    resources: list[DescribeAclsResource] = msgspec.field(default_factory=list)
    throttle_time_ms: int = 0


class DescribeAclsRequest(Request[DescribeAclsResponse], frozen=True, kw_only=True):
    """Which entries there are; the fields are those of ``AclBindingFilter``."""

    api_key: ClassVar[int] = 29
    resource_type_filter: ResourceType = ResourceType.ANY
    resource_name_filter: str | None = None
    pattern_type_filter: PatternType = PatternType.ANY
    principal_filter: str | None = None
    host_filter: str | None = None
    operation: AclOperation = AclOperation.ANY
    permission_type: AclPermissionType = AclPermissionType.ANY

    def as_filter(self) -> AclBindingFilter:
        """The same, as the value that DeleteAcls has several of."""
        return AclBindingFilter(
            resource_type_filter=self.resource_type_filter,
            resource_name_filter=self.resource_name_filter,
            pattern_type_filter=self.pattern_type_filter,
            principal_filter=self.principal_filter,
            host_filter=self.host_filter,
            operation=self.operation,
            permission_type=self.permission_type,
        )
