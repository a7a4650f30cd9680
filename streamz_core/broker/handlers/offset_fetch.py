"""OffsetFetch: where a group goes on.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups import commits
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = OffsetFetchRequest


async def handle(broker: HandlerBroker, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """Answer what is committed, including everything committed before this request."""
    return await commits.fetch(broker.groups, request)
