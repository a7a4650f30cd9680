"""OffsetDelete: forget committed offsets of a group.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups.forgetting import delete_offsets
from streamz_core.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = OffsetDeleteRequest


async def handle(broker: HandlerBroker, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """Forget what no member reads, durably; the others keep what they have and say why."""
    return await delete_offsets(broker.groups, request)
