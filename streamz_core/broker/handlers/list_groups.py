"""ListGroups: which groups there are.

Owns: the listing and its filters.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ListGroupsRequest


async def handle(broker: HandlerBroker, request: ListGroupsRequest) -> ListGroupsResponse:
    """List every group, or those in the states and of the types asked for (in any case), by name."""
    states = {state.casefold() for state in request.states_filter}
    types = {kind.casefold() for kind in request.types_filter}
    listed = [
        ListedGroup(
            group_id=live.group.group_id,
            protocol_type=live.group.protocol_type or "",
            group_state=live.group.state.value,
        )
        for live in broker.groups.groups()
    ]
    chosen = [
        group
        for group in listed
        if (not states or group.group_state.casefold() in states)
        and (not types or group.group_type.casefold() in types)
    ]
    return ListGroupsResponse(groups=sorted(chosen, key=lambda group: group.group_id))
