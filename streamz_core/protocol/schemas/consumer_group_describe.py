"""ConsumerGroupDescribe (API key 69) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ConsumerGroupDescribeRequest,
    table="""
versions 0-1, flexible 0+
group_ids: [string]
include_authorized_operations: bool
""",
)
RESPONSE: Final = Form(
    message=ConsumerGroupDescribeResponse,
    table="""
versions 0-1, flexible 0+
throttle_time_ms: int32
groups: []
    error_code: int16
    error_message: string? = null
    group_id: string
    group_state: string
    group_epoch: int32
    assignment_epoch: int32
    assignor_name: string
    members: []
        member_id: string
        instance_id: string? = null
        rack_id: string? = null
        member_epoch: int32
        client_id: string
        client_host: string
        subscribed_topic_names: [string]
        subscribed_topic_regex: string? = null
        assignment: {}
            topic_partitions: []
                topic_id: uuid
                topic_name: string
                partitions: [int32]
        target_assignment: {}
            topic_partitions: []
                topic_id: uuid
                topic_name: string
                partitions: [int32]
        member_type: int8 1+ = -1
    authorized_operations: int32 = -2147483648
""",
)
