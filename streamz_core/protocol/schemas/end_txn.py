"""EndTxn (API key 26) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.end_txn import (
    EndTxnRequest,
    EndTxnResponse,
)
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.schemas.fencing import fenced_as
from streamz_core.protocol.schemas.form import Form


def request_from_wire(version: int, request: EndTxnRequest) -> EndTxnRequest:
    """Which form of the transaction protocol a client speaks is told by the version (KIP-890)."""
    return request if version >= 5 else replace(request, transaction_version=TransactionVersion.V1)


def response_to_wire(version: int, response: EndTxnResponse) -> EndTxnResponse:
    """With the error code that clients of ``version`` know a newer producer by."""
    return replace(response, error_code=fenced_as(response.error_code, version < 2))


REQUEST: Final = Form(
    message=EndTxnRequest,
    from_wire=request_from_wire,
    table="""
versions 0-5, flexible 3+
transactional_id: string
producer_id: int64
producer_epoch: int16
committed: bool
transaction_version: -
""",
)
RESPONSE: Final = Form(
    message=EndTxnResponse,
    to_wire=response_to_wire,
    table="""
versions 0-5, flexible 3+
throttle_time_ms: int32
error_code: int16
producer_id: int64 5+ = -1
producer_epoch: int16 5+ = -1
""",
)
