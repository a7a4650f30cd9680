"""OffsetForLeaderEpoch (API key 23) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=OffsetForLeaderEpochRequest,
    table="""
versions 2-4, flexible 4+
replica_id: int32 3+ = -2 unused
topics: []
    topic: string
    partitions: []
        partition: int32
        current_leader_epoch: int32 = -1
        leader_epoch: int32
""",
)
RESPONSE: Final = Form(
    message=OffsetForLeaderEpochResponse,
    table="""
versions 2-4, flexible 4+
throttle_time_ms: int32
topics: []
    topic: string
    partitions: []
        error_code: int16
        partition: int32
        leader_epoch: int32 = -1
        end_offset: int64 = -1
""",
)
