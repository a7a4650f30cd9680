"""DeleteGroups: forget groups and their offsets.

Owns: nothing but the way from the request to the coordinator.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups.forgetting import delete_group
from streamz_core.protocol.messages.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DeleteGroupsRequest


async def handle(broker: HandlerBroker, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
    """Delete each group without members, durably; the others keep everything."""
    return DeleteGroupsResponse(
        results=[
            DeletableGroupResult(group_id=group_id, error_code=await delete_group(broker.groups, group_id))
            for group_id in request.groups_names
        ]
    )
