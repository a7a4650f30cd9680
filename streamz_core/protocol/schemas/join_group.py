"""JoinGroup (API key 11) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.join_group import (
    JoinGroupRequest,
    JoinGroupResponse,
)
from streamz_core.protocol.schemas.form import Form


def request_from_wire(version: int, request: JoinGroupRequest) -> JoinGroupRequest:
    """Version 0 waits for the others as long as a session lasts; from 4 on a member is told its id first (KIP-394)."""
    timeout = request.rebalance_timeout_ms if version >= 1 else request.session_timeout_ms
    return replace(request, rebalance_timeout_ms=timeout, requires_known_member_id=version >= 4)


REQUEST: Final = Form(
    message=JoinGroupRequest,
    from_wire=request_from_wire,
    table="""
versions 0-9, flexible 6+
group_id: string
session_timeout_ms: int32
rebalance_timeout_ms: int32 1+ = -1
member_id: string
group_instance_id: string? 5+ = null
protocol_type: string
protocols: []
    name: string
    metadata: bytes
reason: string? 8+ = null
client_id: -
client_host: -
requires_known_member_id: -
""",
)
RESPONSE: Final = Form(
    message=JoinGroupResponse,
    table="""
versions 0-9, flexible 6+
throttle_time_ms: int32 2+
error_code: int16
generation_id: int32 = -1
protocol_type: string? 7+ = null
protocol_name: string?7+
leader: string
skip_assignment: bool 9+
member_id: string
members: []
    member_id: string
    group_instance_id: string? 5+ = null
    metadata: bytes
""",
)
