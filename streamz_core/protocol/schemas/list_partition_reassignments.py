"""ListPartitionReassignments (API key 46) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ListPartitionReassignmentsRequest,
    table="""
versions 0-0, flexible 0+
timeout_ms: int32 = 60000
topics: []? = null
    name: string
    partition_indexes: [int32]
""",
)
RESPONSE: Final = Form(
    message=ListPartitionReassignmentsResponse,
    table="""
versions 0-0, flexible 0+
throttle_time_ms: int32
error_code: int16
error_message: string?
topics: []
    name: string
    partitions: []
        partition_index: int32
        replicas: [int32]
        adding_replicas: [int32]
        removing_replicas: [int32]
""",
)
