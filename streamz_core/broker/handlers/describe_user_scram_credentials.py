"""DescribeUserScramCredentials: which users can log in how; never with what.

Owns: the answer to ``DescribeUserScramCredentialsRequest``.
Must not know: how credentials are checked or kept.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeUserScramCredentialsRequest


async def handle(
    broker: HandlerBroker, request: DescribeUserScramCredentialsRequest
) -> DescribeUserScramCredentialsResponse:
    """Describe the users asked about, or all."""
    kept = broker.security.credentials()
    times = Counter(one.name for one in request.users or ())
    names = list(times) if times else sorted({name for name, _ in kept})
    results = []
    for name in names:
        infos = [
            CredentialInfo(mechanism=mechanism, iterations=one.iterations)
            for (user, mechanism), one in sorted(kept.items(), key=lambda item: item[0])
            if user == name
        ]
        results.append(_result(name, infos, times[name]))
    return DescribeUserScramCredentialsResponse(results=results)


def _result(name: str, infos: list[CredentialInfo], times: int) -> DescribeUserScramCredentialsResult:
    if times > 1:
        code, message = ErrorCode.DUPLICATE_RESOURCE, f"user {name!r} is in the request {times} times"
    elif not infos:
        code, message = ErrorCode.RESOURCE_NOT_FOUND, f"user {name!r} has no SCRAM credentials"
    else:
        return DescribeUserScramCredentialsResult(user=name, credential_infos=infos)
    return DescribeUserScramCredentialsResult(user=name, error_code=code, error_message=message)
