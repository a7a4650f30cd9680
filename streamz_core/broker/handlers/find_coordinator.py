"""FindCoordinator: this broker coordinates everything.

Owns: the answer, and the check of the keys asked for.
Must not know: groups, transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import NODE_ID
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.find_coordinator import (
    Coordinator,
    CoordinatorType,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = FindCoordinatorRequest


async def handle(broker: HandlerBroker, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    """Name this broker for every key; the empty key of a group or transactional id is refused."""
    refusal = (
        ErrorCode.INVALID_GROUP_ID if request.key_type is CoordinatorType.GROUP else ErrorCode.INVALID_REQUEST
    )
    return FindCoordinatorResponse(
        coordinators=[
            _found(broker, key) if key else _refused(key, refusal) for key in request.coordinator_keys
        ]
    )


def _found(broker: HandlerBroker, key: str) -> Coordinator:
    config = broker.config
    return Coordinator(key=key, node_id=NODE_ID, host=config.advertised_host, port=config.advertised_port)


def _refused(key: str, error: ErrorCode) -> Coordinator:
    return Coordinator(
        key=key, node_id=-1, host="", port=-1, error_code=error, error_message="the key is empty: name one"
    )
