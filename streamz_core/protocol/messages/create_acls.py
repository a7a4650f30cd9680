"""CreateAcls (API key 30).

Source: https://kafka.apache.org/protocol#The_Messages_CreateAcls
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import AclBinding
from streamz_core.protocol.messages.request import Message, Request


class AclCreationResult(Message, frozen=True, kw_only=True):
    """What became of one entry, in the place it has in the request."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class CreateAclsResponse(Message, frozen=True, kw_only=True):
    """One result per entry asked for."""

    results: list[AclCreationResult]
    throttle_time_ms: int = 0


class CreateAclsRequest(Request[CreateAclsResponse], frozen=True, kw_only=True):
    """Add entries; one that is there already stays, without an error."""

    api_key: ClassVar[int] = 30
    creations: list[AclBinding]
