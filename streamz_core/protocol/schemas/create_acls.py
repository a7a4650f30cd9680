"""CreateAcls (API key 30) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.create_acls import (
    CreateAclsRequest,
    CreateAclsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=CreateAclsRequest,
    table="""
versions 1-3, flexible 2+
creations: []
    resource_type: int8
    resource_name: string
    resource_pattern_type: int8 = 3
    principal: string
    host: string
    operation: int8
    permission_type: int8
""",
)
RESPONSE: Final = Form(
    message=CreateAclsResponse,
    table="""
versions 1-3, flexible 2+
throttle_time_ms: int32
results: []
    error_code: int16
    error_message: string?
""",
)
