"""SyncGroup: hand in and take assignments.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = SyncGroupRequest


async def handle(broker: HandlerBroker, request: SyncGroupRequest) -> SyncGroupResponse:
    """Answer when the leader's assignment is stored."""
    return await broker.groups.sync(request)
