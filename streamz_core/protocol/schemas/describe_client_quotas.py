"""DescribeClientQuotas (API key 48) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.client_quotas import (
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeClientQuotasRequest,
    table="""
versions 0-1, flexible 1+
components: []
    entity_type: string
    match_type: int8
    match: string?
strict: bool
""",
)
RESPONSE: Final = Form(
    message=DescribeClientQuotasResponse,
    table="""
versions 0-1, flexible 1+
throttle_time_ms: int32
error_code: int16
error_message: string?
entries: []?
    entity: []
        entity_type: string
        entity_name: string?
    values: []
        key: string
        value: float64
""",
)
