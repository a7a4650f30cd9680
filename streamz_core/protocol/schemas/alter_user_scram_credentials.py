"""AlterUserScramCredentials (API key 51) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=AlterUserScramCredentialsRequest,
    table="""
versions 0-0, flexible 0+
deletions: []
    name: string
    mechanism: int8
upsertions: []
    name: string
    mechanism: int8
    iterations: int32
    salt: bytes
    salted_password: bytes
""",
)
RESPONSE: Final = Form(
    message=AlterUserScramCredentialsResponse,
    table="""
versions 0-0, flexible 0+
throttle_time_ms: int32
results: []
    user: string
    error_code: int16
    error_message: string?
""",
)
