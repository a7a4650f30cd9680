"""ListGroups: which groups there are.

Owns: the listing and its filter.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ListGroupsRequest


async def handle(broker: HandlerBroker, request: ListGroupsRequest) -> ListGroupsResponse:
    """List every group, or those in the states asked for (in any case), by name."""
    wanted = {state.casefold() for state in request.states_filter}
    listed = [
        ListedGroup(
            group_id=live.group.group_id,
            protocol_type=live.group.protocol_type or "",
            group_state=live.group.state.value,
        )
        for live in broker.groups.groups()
        if not wanted or live.group.state.value.casefold() in wanted
    ]
    return ListGroupsResponse(groups=sorted(listed, key=lambda group: group.group_id))
