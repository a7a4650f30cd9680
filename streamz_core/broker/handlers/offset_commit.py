"""OffsetCommit: what a group has read.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups import commits
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = OffsetCommitRequest


async def handle(broker: HandlerBroker, request: OffsetCommitRequest) -> OffsetCommitResponse:
    """Answer when the offsets are durable."""
    return await commits.commit(broker.groups, request)
