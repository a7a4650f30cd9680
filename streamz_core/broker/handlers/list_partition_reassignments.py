"""ListPartitionReassignments: with one broker no partition is ever on its way to another.

Owns: the answer to ``ListPartitionReassignmentsRequest``.
Must not know: anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ListPartitionReassignmentsRequest


async def handle(
    broker: HandlerBroker, request: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    """Nothing is under way."""
    return ListPartitionReassignmentsResponse()
