"""OffsetDelete: take back what a group committed.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups import offset_deletion
from streamz_core.protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = OffsetDeleteRequest


async def handle(broker: HandlerBroker, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """Answer when they are gone for good."""
    return await offset_deletion.delete_offsets(broker.groups, request)
