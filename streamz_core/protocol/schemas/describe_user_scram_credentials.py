"""DescribeUserScramCredentials (API key 50) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeUserScramCredentialsRequest,
    table="""
versions 0-0, flexible 0+
users: []?
    name: string
""",
)
RESPONSE: Final = Form(
    message=DescribeUserScramCredentialsResponse,
    table="""
versions 0-0, flexible 0+
throttle_time_ms: int32
error_code: int16
error_message: string?
results: []
    user: string
    error_code: int16
    error_message: string?
    credential_infos: []
        mechanism: int8
        iterations: int32
""",
)
