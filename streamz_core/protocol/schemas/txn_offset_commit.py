"""TxnOffsetCommit (API key 28) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
)
from streamz_core.protocol.schemas.form import Form


def request_from_wire(version: int, request: TxnOffsetCommitRequest) -> TxnOffsetCommitRequest:
    """Which form of the transaction protocol a client speaks is told by the version (KIP-890)."""
    return request if version >= 5 else replace(request, transaction_version=TransactionVersion.V1)


REQUEST: Final = Form(
    message=TxnOffsetCommitRequest,
    from_wire=request_from_wire,
    table="""
versions 0-5, flexible 3+
transactional_id: string
group_id: string
producer_id: int64
producer_epoch: int16
generation_id: int32 3+ = -1
member_id: string 3+
group_instance_id: string? 3+ = null
topics: []
    name: string
    partitions: []
        partition_index: int32
        committed_offset: int64
        committed_leader_epoch: int32 2+ = -1
        committed_metadata: string?
    topic_id: -
transaction_version: -
""",
)
RESPONSE: Final = Form(
    message=TxnOffsetCommitResponse,
    table="""
versions 0-5, flexible 3+
throttle_time_ms: int32
topics: []
    name: string
    partitions: []
        partition_index: int32
        error_code: int16
    topic_id: -
""",
)
