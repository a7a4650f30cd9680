"""IncrementalAlterConfigs: change some settings of topics or of the broker, leave the rest.

Owns: the answer to ``IncrementalAlterConfigsRequest``.
Must not know: what the settings mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker import config_changes
from streamz_core.protocol.messages.configs import AlterConfigsResponse, IncrementalAlterConfigsRequest

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = IncrementalAlterConfigsRequest


async def handle(broker: HandlerBroker, request: IncrementalAlterConfigsRequest) -> AlterConfigsResponse:
    """Change each resource's settings by itself."""
    responses = [
        config_changes.alter(broker, resource, config_changes.changed, validate_only=request.validate_only)
        for resource in request.resources
    ]
    return AlterConfigsResponse(responses=responses)
