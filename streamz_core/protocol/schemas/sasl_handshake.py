"""SaslHandshake (API key 17) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.sasl_handshake import (
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=SaslHandshakeRequest,
    table="""
versions 1-1
mechanism: string
""",
)
RESPONSE: Final = Form(
    message=SaslHandshakeResponse,
    table="""
versions 1-1
error_code: int16
mechanisms: [string]
""",
)
