"""ListConfigResources (API key 74) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ListConfigResourcesRequest,
    table="""
versions 0-1, flexible 0+
resource_types: [int8] 1+
""",
)
RESPONSE: Final = Form(
    message=ListConfigResourcesResponse,
    table="""
versions 0-1, flexible 0+
throttle_time_ms: int32
error_code: int16
config_resources: []
    resource_name: string
    resource_type: int8 1+ = 16
""",
)
