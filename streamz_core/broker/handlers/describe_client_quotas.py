"""DescribeClientQuotas: there are none.

Owns: the answer to ``DescribeClientQuotasRequest``.
Must not know: anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.client_quotas import (
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeClientQuotasRequest


async def handle(broker: HandlerBroker, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
    """No quota matches: none can be set (see ``alter_client_quotas``)."""
    return DescribeClientQuotasResponse(entries=[])
