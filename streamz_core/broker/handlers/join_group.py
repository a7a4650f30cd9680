"""JoinGroup: become a member of a group's next generation.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = JoinGroupRequest


async def handle(broker: HandlerBroker, request: JoinGroupRequest) -> JoinGroupResponse:
    """Answer when the generation begins."""
    return await broker.groups.join(request)
