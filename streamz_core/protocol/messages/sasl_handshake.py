"""SaslHandshake (API key 17): which mechanism the client will authenticate by.

Version 1 alone: after version 0 the exchange would go on in frames without headers.

Source: KIP-43, KIP-152, https://kafka.apache.org/protocol#The_Messages_SaslHandshake
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class SaslHandshakeResponse(Message, frozen=True, kw_only=True):
    """Whether the exchange may begin, and the mechanisms there are."""

    error_code: ErrorCode = ErrorCode.NONE
    mechanisms: list[str] = msgspec.field(default_factory=list)


class SaslHandshakeRequest(Request[SaslHandshakeResponse], frozen=True, kw_only=True):
    """Begin to authenticate, or to authenticate again (KIP-368)."""

    api_key: ClassVar[int] = 17
    mechanism: str
