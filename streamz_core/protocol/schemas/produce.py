"""Produce (API key 0) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.produce import (
    ProduceRequest,
    ProduceResponse,
)
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.schemas.form import Form


def request_from_wire(version: int, request: ProduceRequest) -> ProduceRequest:
    """Which form of the transaction protocol a client speaks is told by the version (KIP-890)."""
    return request if version >= 12 else replace(request, transaction_version=TransactionVersion.V1)


REQUEST: Final = Form(
    message=ProduceRequest,
    from_wire=request_from_wire,
    table="""
versions 3-13, flexible 9+
transactional_id: string? = null
acks: int16
timeout_ms: int32
topic_data: []
    name: string 3-12
    topic_id: uuid 13+
    partition_data: []
        index: int32
        records: records?
transaction_version: -
""",
)
RESPONSE: Final = Form(
    message=ProduceResponse,
    table="""
versions 3-13, flexible 9+
responses: []
    name: string 3-12
    topic_id: uuid 13+
    partition_responses: []
        index: int32
        error_code: int16
        base_offset: int64
        log_append_time_ms: int64 = -1
        log_start_offset: int64 5+ = -1
        record_errors: [] 8+
            batch_index: int32
            batch_index_error_message: string? = null
        error_message: string? 8+ = null
throttle_time_ms: int32
""",
)
