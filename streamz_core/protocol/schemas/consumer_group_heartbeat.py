"""ConsumerGroupHeartbeat (API key 68) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from streamz_core.protocol.schemas.form import Form


def request_from_wire(version: int, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatRequest:
    """From version 1 on a member chooses its own id (KIP-1082)."""
    return replace(request, requires_member_id=version >= 1)


REQUEST: Final = Form(
    message=ConsumerGroupHeartbeatRequest,
    from_wire=request_from_wire,
    table="""
versions 0-1, flexible 0+
group_id: string
member_id: string
member_epoch: int32
instance_id: string? = null
rack_id: string? = null
rebalance_timeout_ms: int32 = -1
subscribed_topic_names: [string]? = null
subscribed_topic_regex: string? 1+ = null
server_assignor: string? = null
topic_partitions: []? = null
    topic_id: uuid
    partitions: [int32]
client_id: -
client_host: -
requires_member_id: -
may_describe: -
""",
)
RESPONSE: Final = Form(
    message=ConsumerGroupHeartbeatResponse,
    table="""
versions 0-1, flexible 0+
throttle_time_ms: int32
error_code: int16
error_message: string? = null
member_id: string? = null
member_epoch: int32
heartbeat_interval_ms: int32
assignment: {}? = null
    topic_partitions: []
        topic_id: uuid
        partitions: [int32]
""",
)
