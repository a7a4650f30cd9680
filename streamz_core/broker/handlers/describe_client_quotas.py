"""DescribeClientQuotas: which limits hold for whom.

Owns: the answer to ``DescribeClientQuotasRequest``.
Must not know: what a filter means (``quota_filter``), how quotas are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.quotas.quota_filter import passes, refuse_filter
from streamz_core.broker.quotas.quotas import described
from streamz_core.protocol.messages.client_quotas import (
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeClientQuotasRequest


async def handle(broker: HandlerBroker, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
    """Those that the filter lets pass, in the order in which they were set."""
    refusal = refuse_filter(request)
    if refusal is not None:
        return DescribeClientQuotasResponse(error_code=refusal.code, error_message=refusal.message)
    found = broker.quotas.table.quotas.items()
    return DescribeClientQuotasResponse(
        entries=[described(entity, values) for entity, values in found if passes(request, entity)]
    )
