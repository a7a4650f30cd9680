"""ListGroups: which groups there are.

Owns: the listing and its filters.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.protocol.consumer_protocol import PROTOCOL_TYPE
from streamz_core.protocol.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse

if TYPE_CHECKING:
    from streamz_core.broker.groups.state import Group
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ListGroupsRequest
_CLASSIC: Final = "classic"
_CONSUMER: Final = "consumer"


async def handle(broker: HandlerBroker, request: ListGroupsRequest) -> ListGroupsResponse:
    """List every group, or those in the states and of the types asked for (in any case), by name."""
    states = {state.casefold() for state in request.states_filter}
    types = {kind.casefold() for kind in request.types_filter}
    listed = [_listed(live.group) for live in broker.groups.groups()]
    chosen = [
        group
        for group in listed
        if (not states or group.group_state.casefold() in states)
        and (not types or group.group_type.casefold() in types)
    ]
    return ListGroupsResponse(groups=sorted(chosen, key=lambda group: group.group_id))


def _listed(group: Group | ConsumerGroup) -> ListedGroup:
    is_consumer = isinstance(group, ConsumerGroup)
    return ListedGroup(
        group_id=group.group_id,
        protocol_type=PROTOCOL_TYPE if isinstance(group, ConsumerGroup) else group.protocol_type or "",
        group_state=group.state.value,
        group_type=_CONSUMER if is_consumer else _CLASSIC,
    )
