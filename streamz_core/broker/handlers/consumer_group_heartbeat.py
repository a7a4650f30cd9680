"""ConsumerGroupHeartbeat: a member of a consumer group lives.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ConsumerGroupHeartbeatRequest


async def handle(
    broker: HandlerBroker, request: ConsumerGroupHeartbeatRequest
) -> ConsumerGroupHeartbeatResponse:
    """Answer when what the heartbeat changed is durable."""
    return await broker.groups.consumer_heartbeat(request)
