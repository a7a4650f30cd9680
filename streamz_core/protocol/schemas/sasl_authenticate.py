"""SaslAuthenticate (API key 36) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=SaslAuthenticateRequest,
    table="""
versions 0-2, flexible 2+
auth_bytes: bytes
""",
)
RESPONSE: Final = Form(
    message=SaslAuthenticateResponse,
    table="""
versions 0-2, flexible 2+
error_code: int16
error_message: string?
auth_bytes: bytes
session_lifetime_ms: int64 1+
""",
)
