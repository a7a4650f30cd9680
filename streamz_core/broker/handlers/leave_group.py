"""LeaveGroup: members go, their partitions are free at once.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = LeaveGroupRequest


async def handle(broker: HandlerBroker, request: LeaveGroupRequest) -> LeaveGroupResponse:
    """Take the members out and rebalance."""
    return await broker.groups.leave(request)
