"""DescribeTopicPartitions (API key 75) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeTopicPartitionsRequest,
    table="""
versions 0-0, flexible 0+
topics: []
    name: string
response_partition_limit: int32 = 2000
cursor: {}? = null
    topic_name: string
    partition_index: int32
""",
)
RESPONSE: Final = Form(
    message=DescribeTopicPartitionsResponse,
    table="""
versions 0-0, flexible 0+
throttle_time_ms: int32
topics: []
    error_code: int16
    name: string?
    topic_id: uuid
    is_internal: bool
    partitions: []
        error_code: int16
        partition_index: int32
        leader_id: int32
        leader_epoch: int32 = -1
        replica_nodes: [int32]
        isr_nodes: [int32]
        eligible_leader_replicas: [int32]? = null
        last_known_elr: [int32]? = null
        offline_replicas: [int32]
    topic_authorized_operations: int32 = -2147483648
next_cursor: {}? = null
    topic_name: string
    partition_index: int32
""",
)
