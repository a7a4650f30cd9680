"""DescribeAcls: which entries there are.

Owns: the answer to ``DescribeAclsRequest``.
Must not know: how entries are applied or kept.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from streamz_core.broker.security.acl_filter import passes, refuse_filter
from streamz_core.protocol.messages.acls import PatternType, ResourceType
from streamz_core.protocol.messages.describe_acls import (
    AclDescription,
    DescribeAclsRequest,
    DescribeAclsResource,
    DescribeAclsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeAclsRequest


async def handle(broker: HandlerBroker, request: DescribeAclsRequest) -> DescribeAclsResponse:
    """Give the entries that pass the filter, by pattern."""
    wanted = request.as_filter()
    refusal = refuse_filter(wanted)
    if refusal is not None:
        return DescribeAclsResponse(error_code=refusal.code, error_message=refusal.message)
    by_pattern: dict[tuple[ResourceType, str, PatternType], list[AclDescription]] = defaultdict(list)
    for one in broker.security.acls.bindings:
        if passes(wanted, one):
            described = AclDescription(
                principal=one.principal,
                host=one.host,
                operation=one.operation,
                permission_type=one.permission_type,
            )
            by_pattern[one.resource_type, one.resource_name, one.resource_pattern_type].append(described)
    resources = [
        DescribeAclsResource(
            resource_type=kind,
            resource_name=name,
            pattern_type=pattern,
            acls=sorted(acls, key=lambda acl: (acl.principal, acl.host, acl.operation, acl.permission_type)),
        )
        for (kind, name, pattern), acls in sorted(by_pattern.items())
    ]
    return DescribeAclsResponse(resources=resources)
