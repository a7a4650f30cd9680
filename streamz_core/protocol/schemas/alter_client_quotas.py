"""AlterClientQuotas (API key 49) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=AlterClientQuotasRequest,
    table="""
versions 0-1, flexible 1+
entries: []
    entity: []
        entity_type: string
        entity_name: string?
    ops: []
        key: string
        value: float64
        remove: bool
validate_only: bool
""",
)
RESPONSE: Final = Form(
    message=AlterClientQuotasResponse,
    table="""
versions 0-1, flexible 1+
throttle_time_ms: int32
entries: []
    error_code: int16
    error_message: string?
    entity: []
        entity_type: string
        entity_name: string?
""",
)
