"""WriteTxnMarkers (API key 27) on the wire."""

from __future__ import annotations

from typing import Final

from streamz_core.protocol.messages.write_txn_markers import (
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from streamz_core.protocol.schemas.form import Form

REQUEST: Final = Form(
    message=WriteTxnMarkersRequest,
    table="""
versions 1-1, flexible 1+
markers: []
    producer_id: int64
    producer_epoch: int16
    transaction_result: bool
    topics: []
        name: string
        partition_indexes: [int32]
    coordinator_epoch: int32
""",
)
RESPONSE: Final = Form(
    message=WriteTxnMarkersResponse,
    table="""
versions 1-1, flexible 1+
markers: []
    producer_id: int64
    topics: []
        name: string
        partitions: []
            partition_index: int32
            error_code: int16
""",
)
