"""ListTransactions (API key 66) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.list_transactions import (
    ListTransactionsRequest,
    ListTransactionsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=ListTransactionsRequest,
    table="""
versions 0-2, flexible 0+
state_filters: [string]
producer_id_filters: [int64]
duration_filter: int64 1+ = -1
transactional_id_pattern: string? 2+ = null
""",
)
RESPONSE: Final = Form(
    message=ListTransactionsResponse,
    table="""
versions 0-2, flexible 0+
throttle_time_ms: int32
error_code: int16
unknown_state_filters: [string]
transaction_states: []
    transactional_id: string
    producer_id: int64
    transaction_state: string
""",
)
