"""DescribeAcls (API key 29) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_acls import (
    DescribeAclsRequest,
    DescribeAclsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeAclsRequest,
    table="""
versions 1-3, flexible 2+
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
    message=DescribeAclsResponse,
    table="""
versions 1-3, flexible 2+
throttle_time_ms: int32
error_code: int16
error_message: string?
resources: []
    resource_type: int8
    resource_name: string
    pattern_type: int8 = 3
    acls: []
        principal: string
        host: string
        operation: int8
        permission_type: int8
""",
)
