"""AddOffsetsToTxn (API key 25) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.add_offsets_to_txn import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
)
from streamz_core.protocol.schemas.fencing import fenced_as
from streamz_core.protocol.schemas.form import Form


def response_to_wire(version: int, response: AddOffsetsToTxnResponse) -> AddOffsetsToTxnResponse:
    """With the error code that clients of ``version`` know a newer producer by."""
    return replace(response, error_code=fenced_as(response.error_code, version < 2))


REQUEST: Final = Form(
    message=AddOffsetsToTxnRequest,
    table="""
versions 0-4, flexible 3+
transactional_id: string
producer_id: int64
producer_epoch: int16
group_id: string
""",
)
RESPONSE: Final = Form(
    message=AddOffsetsToTxnResponse,
    to_wire=response_to_wire,
    table="""
versions 0-4, flexible 3+
throttle_time_ms: int32
error_code: int16
""",
)
