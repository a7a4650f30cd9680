"""DeleteAcls (API key 31) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.delete_acls import (
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DeleteAclsRequest,
    table="""
versions 1-3, flexible 2+
filters: []
    resource_type_filter: int8
    resource_name_filter: string?
    pattern_type_filter: int8 = 3
    principal_filter: string?
    host_filter: string?
    operation: int8
    permission_type: int8
""",
)
RESPONSE: Final = Form(
    message=DeleteAclsResponse,
    table="""
versions 1-3, flexible 2+
throttle_time_ms: int32
filter_results: []
    error_code: int16
    error_message: string?
    matching_acls: []
        error_code: int16
        error_message: string?
        resource_type: int8
        resource_name: string
        pattern_type: int8 = 3
        principal: string
        host: string
        operation: int8
        permission_type: int8
""",
)
