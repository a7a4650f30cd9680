"""ApiVersions (API key 18) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.api_versions import (
    ApiVersionsRequest,
    ApiVersionsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ApiVersionsRequest,
    table="""
versions 0-4, flexible 3+
client_software_name: string 3+
client_software_version: string 3+
""",
)
RESPONSE: Final = Form(
    message=ApiVersionsResponse,
    table="""
versions 0-4, flexible 3+
error_code: int16
api_keys: []
    api_key: int16
    min_version: int16
    max_version: int16
throttle_time_ms: int32 1+
supported_features: [] 3+ tag 0
    name: string
    min_version: int16
    max_version: int16
finalized_features_epoch: int64 3+ tag 1 = -1
finalized_features: [] 3+ tag 2
    name: string
    max_version_level: int16
    min_version_level: int16
zk_migration_ready: bool 3+ tag 3
""",
)
