"""DescribeProducers (API key 61) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeProducersRequest,
    table="""
versions 0-0, flexible 0+
topics: []
    name: string
    partition_indexes: [int32]
""",
)
RESPONSE: Final = Form(
    message=DescribeProducersResponse,
    table="""
versions 0-0, flexible 0+
throttle_time_ms: int32
topics: []
    name: string
    partitions: []
        partition_index: int32
        error_code: int16
        error_message: string? = null
        active_producers: []
            producer_id: int64
            producer_epoch: int32
            last_sequence: int32 = -1
            last_timestamp: int64 = -1
            coordinator_epoch: int32
            current_txn_start_offset: int64 = -1
""",
)
