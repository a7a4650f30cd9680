"""ListConfigResources: topics and the broker are what has a configuration here.

Owns: the answer to ``ListConfigResourcesRequest``.
Must not know: what the settings mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import NODE_ID
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import ConfigResourceType
from streamz_core.protocol.messages.list_config_resources import (
    ConfigResource,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ListConfigResourcesRequest
_KNOWN: Final = frozenset(ConfigResourceType) - {ConfigResourceType.UNKNOWN}


async def handle(broker: HandlerBroker, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse:
    """List those of the types asked for; of loggers, groups and client metrics there are none."""
    asked = frozenset(request.resource_types) or _KNOWN
    if not asked <= _KNOWN:
        return ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    names = {
        ConfigResourceType.TOPIC: sorted(broker.directory.topics),
        ConfigResourceType.BROKER: [str(NODE_ID)],
    }
    return ListConfigResourcesResponse(
        config_resources=[
            ConfigResource(resource_name=name, resource_type=kind)
            for kind, found in names.items()
            if kind in asked
            for name in found
        ]
    )
