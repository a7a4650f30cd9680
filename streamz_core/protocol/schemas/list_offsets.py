"""ListOffsets (API key 2) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsRequest,
    ListOffsetsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ListOffsetsRequest,
    table="""
versions 1-10, flexible 6+
replica_id: int32 unused
isolation_level: int8 2+
topics: []
    name: string
    partitions: []
        partition_index: int32
        current_leader_epoch: int32 4+ = -1
        timestamp: int64
timeout_ms: int32 10+
""",
)
RESPONSE: Final = Form(
    message=ListOffsetsResponse,
    table="""
versions 1-10, flexible 6+
throttle_time_ms: int32 2+
topics: []
    name: string
    partitions: []
        partition_index: int32
        error_code: int16
        timestamp: int64 = -1
        offset: int64 = -1
        leader_epoch: int32 4+ = -1
""",
)
