"""InitProducerId (API key 22) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)
from streamz_core.protocol.schemas.fencing import fenced_as
from streamz_core.protocol.schemas.form import Form


def response_to_wire(version: int, response: InitProducerIdResponse) -> InitProducerIdResponse:
    """With the error code that clients of ``version`` know a newer producer by."""
    return replace(response, error_code=fenced_as(response.error_code, version < 4))


REQUEST: Final = Form(
    message=InitProducerIdRequest,
    table="""
versions 0-5, flexible 2+
transactional_id: string?
transaction_timeout_ms: int32
producer_id: int64 3+ = -1
producer_epoch: int16 3+ = -1
""",
)
RESPONSE: Final = Form(
    message=InitProducerIdResponse,
    to_wire=response_to_wire,
    table="""
versions 0-5, flexible 2+
throttle_time_ms: int32
error_code: int16
producer_id: int64 = -1
producer_epoch: int16
""",
)
