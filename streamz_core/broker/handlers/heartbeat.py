"""Heartbeat: a member lives.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = HeartbeatRequest


async def handle(broker: HandlerBroker, request: HeartbeatRequest) -> HeartbeatResponse:
    """Extend the session; REBALANCE_IN_PROGRESS asks to join again."""
    return await broker.groups.heartbeat(request)
