"""AddPartitionsToTxn (API key 24) on the wire; versions 4 and 5 are what brokers send each other."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
)
from streamz_core.protocol.schemas.fencing import fenced_as
from streamz_core.protocol.schemas.form import Form


def response_to_wire(version: int, response: AddPartitionsToTxnResponse) -> AddPartitionsToTxnResponse:
    """With the error code that clients of ``version`` know a newer producer by."""
    topics = [
        replace(
            topic,
            results=[
                replace(one, error_code=fenced_as(one.error_code, version < 2)) for one in topic.results
            ],
        )
        for topic in response.results
    ]
    return replace(response, results=topics)


REQUEST: Final = Form(
    message=AddPartitionsToTxnRequest,
    table="""
versions 0-3, flexible 3+
transactional_id: string
producer_id: int64
producer_epoch: int16
topics: []
    name: string
    partitions: [int32]
""",
)
RESPONSE: Final = Form(
    message=AddPartitionsToTxnResponse,
    to_wire=response_to_wire,
    table="""
versions 0-3, flexible 3+
throttle_time_ms: int32
results: []
    name: string
    results: []
        partition_index: int32
        error_code: int16
""",
)
