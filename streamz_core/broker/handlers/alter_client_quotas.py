"""AlterClientQuotas: refused, entity by entity.

Owns: that no quota is taken that would not be enforced.
Must not know: anything else.

One process serves its own programs; what protects it from a client is the limits of its listener. A quota that is
stored and shown but slows nobody down would be a lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    AlteredQuota,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = AlterClientQuotasRequest
_WHY: Final = "this broker enforces no quotas, so it takes none; the listener's limits bound its clients"


async def handle(broker: HandlerBroker, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
    """Refuse each entity's changes and say why."""
    return AlterClientQuotasResponse(
        entries=[
            AlteredQuota(error_code=ErrorCode.INVALID_REQUEST, error_message=_WHY, entity=entry.entity)
            for entry in request.entries
        ]
    )
