"""OffsetDelete (API key 47) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=OffsetDeleteRequest,
    table="""
versions 0-0
group_id: string
topics: []
    name: string
    partitions: []
        partition_index: int32
""",
)
RESPONSE: Final = Form(
    message=OffsetDeleteResponse,
    table="""
versions 0-0
error_code: int16
throttle_time_ms: int32
topics: []
    name: string
    partitions: []
        partition_index: int32
        error_code: int16
""",
)
