"""CreateTopics (API key 19) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.create_topics import (
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=CreateTopicsRequest,
    table="""
versions 2-7, flexible 5+
topics: []
    name: string
    num_partitions: int32
    replication_factor: int16
    assignments: []
        partition_index: int32
        broker_ids: [int32]
    configs: []
        name: string
        value: string?
timeout_ms: int32 = 60000
validate_only: bool
""",
)
RESPONSE: Final = Form(
    message=CreateTopicsResponse,
    table="""
versions 2-7, flexible 5+
throttle_time_ms: int32
topics: []
    name: string
    topic_id: uuid 7+
    error_code: int16
    error_message: string?
    topic_config_error_code: int16 5+ tag 0
    num_partitions: int32 5+ = -1
    replication_factor: int16 5+ = -1
    configs: []? 5+
        name: string
        value: string?
        read_only: bool
        config_source: int8 = -1
        is_sensitive: bool
""",
)
