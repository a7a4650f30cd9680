"""DescribeGroups (API key 15) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_groups import (
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeGroupsRequest,
    table="""
versions 0-6, flexible 5+
groups: [string]
include_authorized_operations: bool 3+
""",
)
RESPONSE: Final = Form(
    message=DescribeGroupsResponse,
    table="""
versions 0-6, flexible 5+
throttle_time_ms: int32 1+
groups: []
    error_code: int16
    error_message: string? 6+ = null
    group_id: string
    group_state: string
    protocol_type: string
    protocol_data: string
    members: []
        member_id: string
        group_instance_id: string? 4+ = null
        client_id: string
        client_host: string
        member_metadata: bytes
        member_assignment: bytes
    authorized_operations: int32 3+ = -2147483648
""",
)
