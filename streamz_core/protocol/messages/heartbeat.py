"""Heartbeat (API key 12): a member lives.

Source: https://kafka.apache.org/protocol#The_Messages_Heartbeat
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    """REBALANCE_IN_PROGRESS asks the member to join again."""

    error_code: ErrorCode = ErrorCode.NONE
    throttle_time_ms: int = 0


class HeartbeatRequest(Request[HeartbeatResponse], frozen=True, kw_only=True):
    """Extend the member's session."""

    api_key: ClassVar[int] = 12
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None
    max_wait_ms: int = 0
    """How long the answer may wait for something to tell, as a fetch's may.

    Not of Kafka's own, a tagged field that its brokers pass over: who does not ask for it (0) is answered at once.
    """
