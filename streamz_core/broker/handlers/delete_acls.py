"""DeleteAcls: remove entries from who may do what.

Owns: the answer to ``DeleteAclsRequest``.
Must not know: how entries are applied or kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.security.acl_filter import passes, refuse_filter
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_acls import (
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsRequest,
    DeleteAclsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.protocol.messages.acls import AclBinding

REQUEST: Final = DeleteAclsRequest


async def handle(broker: HandlerBroker, request: DeleteAclsRequest) -> DeleteAclsResponse:
    """Remove what any filter lets pass, all together; each filter is told what it found."""
    found: list[list[AclBinding] | Refusal] = []
    for wanted in request.filters:
        refusal = refuse_filter(wanted)
        bindings = [one for one in broker.security.acls.bindings if passes(wanted, one)]
        found.append(refusal or sorted(bindings, key=msgspec.structs.astuple))
    try:
        broker.security.change_acls(
            removed={one for matching in found if not isinstance(matching, Refusal) for one in matching}
        )
    except DIRECTORY_FAILURES as failure:
        failed = Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
        found = [one if isinstance(one, Refusal) else failed for one in found]
    return DeleteAclsResponse(filter_results=[_result(one) for one in found])


def _result(found: list[AclBinding] | Refusal) -> DeleteAclsFilterResult:
    if isinstance(found, Refusal):
        return DeleteAclsFilterResult(error_code=found.code, error_message=found.message)
    return DeleteAclsFilterResult(
        matching_acls=[
            DeleteAclsMatchingAcl(
                resource_type=one.resource_type,
                resource_name=one.resource_name,
                pattern_type=one.resource_pattern_type,
                principal=one.principal,
                host=one.host,
                operation=one.operation,
                permission_type=one.permission_type,
            )
            for one in found
        ]
    )
