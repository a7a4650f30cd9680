"""AlterUserScramCredentials: users' passwords set, replaced and removed.

Owns: the answer to ``AlterUserScramCredentialsRequest``.
Must not know: which changes are acceptable (``security.credential_changes``), how credentials are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.security import credential_changes
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = AlterUserScramCredentialsRequest


async def handle(
    broker: HandlerBroker, request: AlterUserScramCredentialsRequest
) -> AlterUserScramCredentialsResponse:
    """Make the changes of the users that are not refused, all together."""
    changes = credential_changes.decide(request, broker.security.credentials().keys())
    refused = dict(changes.refused)
    if changes.added or changes.removed:
        try:
            broker.security.change_credentials(added=changes.added, removed=changes.removed)
        except DIRECTORY_FAILURES as failure:
            failed = Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
            refused |= {name: failed for name in changes.users if name not in refused}
    return AlterUserScramCredentialsResponse(
        results=[_result(name, refused.get(name)) for name in changes.users]
    )


def _result(name: str, refusal: Refusal | None) -> AlterUserScramCredentialsResult:
    if refusal is None:
        return AlterUserScramCredentialsResult(user=name)
    return AlterUserScramCredentialsResult(user=name, error_code=refusal.code, error_message=refusal.message)
