"""Fetch (API key 1) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.fetch import (
    FetchRequest,
    FetchResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=FetchRequest,
    table="""
versions 4-18, flexible 12+
replica_id: int32 4-14 = -1 unused
max_wait_ms: int32
min_bytes: int32
max_bytes: int32 = 0x7fffffff
isolation_level: int8
session_id: int32 7+
session_epoch: int32 7+ = -1
topics: []
    topic: string 4-12
    topic_id: uuid 13+
    partitions: []
        partition: int32
        current_leader_epoch: int32 9+ = -1
        fetch_offset: int64
        last_fetched_epoch: int32 12+ = -1 unused
        log_start_offset: int64 5+ = -1 unused
        partition_max_bytes: int32
forgotten_topics_data: [] 7+
    topic: string 7-12
    topic_id: uuid 13+
    partitions: [int32]
rack_id: string 11+
""",
)
RESPONSE: Final = Form(
    message=FetchResponse,
    table="""
versions 4-18, flexible 12+
throttle_time_ms: int32
error_code: int16 7+
session_id: int32 7+
responses: []
    topic: string 4-12
    topic_id: uuid 13+
    partitions: []
        partition_index: int32
        error_code: int16
        high_watermark: int64
        last_stable_offset: int64 = -1
        log_start_offset: int64 5+ = -1
        aborted_transactions: []?
            producer_id: int64
            first_offset: int64
        preferred_read_replica: int32 11+ = -1 unused
        records: records?
        error_message: -
""",
)
