"""SaslAuthenticate (API key 36): one message of the exchange, and its answer.

Source: KIP-152, KIP-368, https://kafka.apache.org/protocol#The_Messages_SaslAuthenticate
"""

from __future__ import annotations

from typing import ClassVar, Final

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request
from streamz_core.secret import Secret

_NOTHING: Final = Secret(b"")


class SaslAuthenticateResponse(Message, frozen=True, kw_only=True):
    """The server's message; ``session_lifetime_ms`` 0: the session does not end by itself."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    auth_bytes: Secret = _NOTHING
    session_lifetime_ms: int = 0


class SaslAuthenticateRequest(Request[SaslAuthenticateResponse], frozen=True, kw_only=True):
    """The client's message, as the mechanism has it."""

    api_key: ClassVar[int] = 36
    auth_bytes: Secret
