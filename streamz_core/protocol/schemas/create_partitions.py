"""CreatePartitions (API key 37) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=CreatePartitionsRequest,
    table="""
versions 0-3, flexible 2+
topics: []
    name: string
    count: int32
    assignments: []?
        broker_ids: [int32]
timeout_ms: int32
validate_only: bool
""",
)
RESPONSE: Final = Form(
    message=CreatePartitionsResponse,
    table="""
versions 0-3, flexible 2+
throttle_time_ms: int32
results: []
    name: string
    error_code: int16
    error_message: string? = null
""",
)
