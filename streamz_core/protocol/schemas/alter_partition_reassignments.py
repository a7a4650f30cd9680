"""AlterPartitionReassignments (API key 45) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=AlterPartitionReassignmentsRequest,
    table="""
versions 0-1, flexible 0+
timeout_ms: int32 = 60000
allow_replication_factor_change: bool 1+ = true
topics: []
    name: string
    partitions: []
        partition_index: int32
        replicas: [int32]? = null
""",
)
RESPONSE: Final = Form(
    message=AlterPartitionReassignmentsResponse,
    table="""
versions 0-1, flexible 0+
throttle_time_ms: int32
allow_replication_factor_change: bool 1+ = true
error_code: int16
error_message: string?
responses: []
    name: string
    partitions: []
        partition_index: int32
        error_code: int16
        error_message: string?
""",
)
