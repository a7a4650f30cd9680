"""AlterConfigs: replace all the settings of topics or of the broker.

Owns: the answer to ``AlterConfigsRequest``.
Must not know: what the settings mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker import config_changes
from streamz_core.protocol.messages.configs import AlterConfigsRequest, AlterConfigsResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = AlterConfigsRequest


async def handle(broker: HandlerBroker, request: AlterConfigsRequest) -> AlterConfigsResponse:
    """Replace each resource's settings by itself."""
    responses = [
        config_changes.alter(broker, resource, config_changes.replaced, validate_only=request.validate_only)
        for resource in request.resources
    ]
    return AlterConfigsResponse(responses=responses)
