"""InitProducerId (API key 22): an identity for idempotent and transactional producing.

Source: https://kafka.apache.org/protocol#The_Messages_InitProducerId, KIP-98, KIP-890
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class InitProducerIdResponse(Message, frozen=True, kw_only=True):
    """The identity to write into every batch."""

    error_code: ErrorCode = ErrorCode.NONE
    producer_id: int = -1
    producer_epoch: int = -1
    throttle_time_ms: int = 0


class InitProducerIdRequest(Request[InitProducerIdResponse], frozen=True, kw_only=True):
    """With a ``transactional_id``: fences older holders and ends what they left open."""

    api_key: ClassVar[int] = 22
    transactional_id: str | None = None
    transaction_timeout_ms: int = 60_000
    producer_id: int = -1
    producer_epoch: int = -1
