"""DescribeTransactions (API key 65) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=DescribeTransactionsRequest,
    table="""
versions 0-0, flexible 0+
transactional_ids: [string]
""",
)
RESPONSE: Final = Form(
    message=DescribeTransactionsResponse,
    table="""
versions 0-0, flexible 0+
throttle_time_ms: int32
transaction_states: []
    error_code: int16
    transactional_id: string
    transaction_state: string
    transaction_timeout_ms: int32
    transaction_start_time_ms: int64
    producer_id: int64
    producer_epoch: int16
    topics: []
        topic: string
        partitions: [int32]
""",
)
