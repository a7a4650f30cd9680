"""ConsumerGroupDescribe: groups of the consumer protocol, their members and their way to the target.

Owns: which groups are described.
Must not know: how groups work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.broker.authorized_operations import GROUP_OPERATIONS
from streamz_core.broker.groups.consumer.answers import described_group
from streamz_core.broker.groups.consumer.state import ConsumerGroup, ConsumerGroupState
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DescribedConsumerGroup,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ConsumerGroupDescribeRequest


async def handle(
    broker: HandlerBroker, request: ConsumerGroupDescribeRequest
) -> ConsumerGroupDescribeResponse:
    """Describe each group asked for; one of the classic protocol is not found here (see DescribeGroups)."""
    described = [_described(broker, group_id) for group_id in request.group_ids]
    if request.include_authorized_operations:
        described = [
            msgspec.structs.replace(group, authorized_operations=GROUP_OPERATIONS) for group in described
        ]
    return ConsumerGroupDescribeResponse(groups=described)


def _described(broker: HandlerBroker, group_id: str) -> DescribedConsumerGroup:
    live = broker.groups.get(group_id)
    if live is not None and isinstance(live.group, ConsumerGroup):
        return described_group(live.group, broker.directory.name_of)
    return DescribedConsumerGroup(
        group_id=group_id,
        error_code=ErrorCode.GROUP_ID_NOT_FOUND,
        error_message=f"there is no group {group_id!r} of the consumer protocol",
        group_state=ConsumerGroupState.DEAD.value,
    )
