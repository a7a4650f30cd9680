"""IncrementalAlterConfigs (API key 44) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.configs import (
    AlterConfigsResponse,
    IncrementalAlterConfigsRequest,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=IncrementalAlterConfigsRequest,
    table="""
versions 0-1, flexible 1+
resources: []
    resource_type: int8
    resource_name: string
    configs: []
        name: string
        config_operation: int8
        value: string?
validate_only: bool
""",
)
RESPONSE: Final = Form(
    message=AlterConfigsResponse,
    table="""
versions 0-1, flexible 1+
throttle_time_ms: int32
responses: []
    error_code: int16
    error_message: string?
    resource_type: int8
    resource_name: string
""",
)
