"""SyncGroup (API key 14) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=SyncGroupRequest,
    table="""
versions 0-5, flexible 4+
group_id: string
generation_id: int32
member_id: string
group_instance_id: string? 3+ = null
protocol_type: string? 5+ = null
protocol_name: string? 5+ = null
assignments: []
    member_id: string
    assignment: bytes
""",
)
RESPONSE: Final = Form(
    message=SyncGroupResponse,
    table="""
versions 0-5, flexible 4+
throttle_time_ms: int32 1+
error_code: int16
protocol_type: string? 5+ = null
protocol_name: string? 5+ = null
assignment: bytes
""",
)
