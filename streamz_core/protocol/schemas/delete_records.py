"""DeleteRecords (API key 21) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsRequest,
    DeleteRecordsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DeleteRecordsRequest,
    table="""
versions 0-2, flexible 2+
topics: []
    name: string
    partitions: []
        partition_index: int32
        offset: int64
timeout_ms: int32
""",
)
RESPONSE: Final = Form(
    message=DeleteRecordsResponse,
    table="""
versions 0-2, flexible 2+
throttle_time_ms: int32
topics: []
    name: string
    partitions: []
        partition_index: int32
        low_watermark: int64
        error_code: int16
""",
)
