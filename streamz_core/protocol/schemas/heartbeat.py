"""Heartbeat (API key 12) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.heartbeat import (
    HeartbeatRequest,
    HeartbeatResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=HeartbeatRequest,
    table="""
versions 0-4, flexible 4+
group_id: string
generation_id: int32
member_id: string
group_instance_id: string? 3+ = null
max_wait_ms: int32 4+ tag 10000 = 0
""",
)
RESPONSE: Final = Form(
    message=HeartbeatResponse,
    table="""
versions 0-4, flexible 4+
throttle_time_ms: int32 1+
error_code: int16
""",
)
