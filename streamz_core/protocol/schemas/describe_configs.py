"""DescribeConfigs (API key 32) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.configs import (
    DescribeConfigsRequest,
    DescribeConfigsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeConfigsRequest,
    table="""
versions 1-4, flexible 4+
resources: []
    resource_type: int8
    resource_name: string
    configuration_keys: [string]?
include_synonyms: bool
include_documentation: bool 3+
""",
)
RESPONSE: Final = Form(
    message=DescribeConfigsResponse,
    table="""
versions 1-4, flexible 4+
throttle_time_ms: int32
results: []
    error_code: int16
    error_message: string?
    resource_type: int8
    resource_name: string
    configs: []
        name: string
        value: string?
        read_only: bool
        config_source: int8 = -1
        is_sensitive: bool
        synonyms: []
            name: string
            value: string?
            source: int8
        config_type: int8 3+
        documentation: string? 3+
""",
)
