"""ElectLeaders (API key 43) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ElectLeadersRequest,
    table="""
versions 0-2, flexible 2+
election_type: int8 1+
topic_partitions: []?
    topic: string
    partitions: [int32]
timeout_ms: int32 = 60000
""",
)
RESPONSE: Final = Form(
    message=ElectLeadersResponse,
    table="""
versions 0-2, flexible 2+
throttle_time_ms: int32
error_code: int16 1+
replica_election_results: []
    topic: string
    partition_result: []
        partition_id: int32
        error_code: int16
        error_message: string?
""",
)
