"""EndTxn (API key 26): commit or abort, and from version 5 on a new epoch for the next transaction.

Source: https://kafka.apache.org/protocol#The_Messages_EndTxn, KIP-890
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request
from streamz_core.protocol.messages.transaction_version import TransactionVersion


class EndTxnResponse(Message, frozen=True, kw_only=True):
    """The identity to use from now on: nothing of the old epoch can touch the next transaction.

    For a client of ``TransactionVersion.V1`` it is the one it has.
    """

    error_code: ErrorCode = ErrorCode.NONE
    producer_id: int = -1
    producer_epoch: int = -1
    throttle_time_ms: int = 0


class EndTxnRequest(Request[EndTxnResponse], frozen=True, kw_only=True):
    """Answered when the outcome is durable and its markers are in every partition."""

    api_key: ClassVar[int] = 26
    transactional_id: str
    producer_id: int
    producer_epoch: int
    committed: bool
    transaction_version: TransactionVersion = TransactionVersion.V2
