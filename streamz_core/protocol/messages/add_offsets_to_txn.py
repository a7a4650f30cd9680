"""AddOffsetsToTxn (API key 25): announce that a group's offsets will be committed with the transaction.

Only clients of ``TransactionVersion.V1`` send it.

Source: https://kafka.apache.org/protocol#The_Messages_AddOffsetsToTxn, KIP-98
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class AddOffsetsToTxnResponse(Message, frozen=True, kw_only=True):
    """Whether TxnOffsetCommit may follow."""

    error_code: ErrorCode = ErrorCode.NONE
    throttle_time_ms: int = 0


class AddOffsetsToTxnRequest(Request[AddOffsetsToTxnResponse], frozen=True, kw_only=True):
    """Takes the group's partition of ``__consumer_offsets`` into the transaction."""

    api_key: ClassVar[int] = 25
    transactional_id: str
    producer_id: int
    producer_epoch: int
    group_id: str
