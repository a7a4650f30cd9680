"""CreateAcls: add entries to who may do what.

Owns: the answer to ``CreateAclsRequest``.
Must not know: how entries are applied or kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.security.acl_filter import normal
from streamz_core.broker.security.security import ACLS_MAX
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.create_acls import (
    AclCreationResult,
    CreateAclsRequest,
    CreateAclsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.protocol.messages.acls import AclBinding

REQUEST: Final = CreateAclsRequest


async def handle(broker: HandlerBroker, request: CreateAclsRequest) -> CreateAclsResponse:
    """Add the entries that are well formed, all of them together; a refused one keeps none from it."""
    found = [normal(binding) for binding in request.creations]
    added = [one for one in found if not isinstance(one, Refusal)]
    refusal = _add(broker, added)
    results = [one if isinstance(one, Refusal) else refusal for one in found]
    return CreateAclsResponse(
        results=[
            AclCreationResult()
            if one is None
            else AclCreationResult(error_code=one.code, error_message=one.message)
            for one in results
        ]
    )


def _add(broker: HandlerBroker, added: list[AclBinding]) -> Refusal | None:
    if len(broker.security.acls.bindings.union(added)) > ACLS_MAX:
        return Refusal(ErrorCode.POLICY_VIOLATION, f"at most {ACLS_MAX} entries are kept")
    try:
        broker.security.change_acls(added=added)
    except DIRECTORY_FAILURES as failure:
        return Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
    return None
