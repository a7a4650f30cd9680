"""AlterConfigs (API key 33) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.configs import (
    AlterConfigsRequest,
    AlterConfigsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=AlterConfigsRequest,
    table="""
versions 0-2, flexible 2+
resources: []
    resource_type: int8
    resource_name: string
    configs: []
        name: string
        value: string?
        config_operation: -
validate_only: bool
""",
)
RESPONSE: Final = Form(
    message=AlterConfigsResponse,
    table="""
versions 0-2, flexible 2+
throttle_time_ms: int32
responses: []
    error_code: int16
    error_message: string?
    resource_type: int8
    resource_name: string
""",
)
