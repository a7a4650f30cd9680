"""AlterClientQuotas: limits are set and removed, entity by entity.

Owns: the answer to ``AlterClientQuotasRequest``: all changes of an entity, or none.
Must not know: which limits there are (``quota_rules``), how they are kept, who is held to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.quotas.quota_rules import changed, entity_of, said
from streamz_core.broker.quotas.quotas import QUOTAS_MAX
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    AlteredQuota,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.broker.quotas.quota_table import Entity
    from streamz_core.protocol.messages.client_quotas import QuotaAlteration

REQUEST: Final = AlterClientQuotasRequest


async def handle(broker: HandlerBroker, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse:
    """Change what can be changed, or with ``validate_only`` say what could be; durable when answered."""
    quotas = dict(broker.quotas.table.quotas)
    seen: set[Entity] = set()
    refused = [_alter(quotas, seen, one) for one in request.entries]
    if not request.validate_only and quotas != broker.quotas.table.quotas:
        try:
            broker.quotas.change(quotas)
        except DIRECTORY_FAILURES as failure:
            kept = Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
            refused = [one or kept for one in refused]
    return AlterClientQuotasResponse(
        entries=[_answer(one, refusal) for one, refusal in zip(request.entries, refused, strict=True)]
    )


def _alter(
    quotas: dict[Entity, Mapping[str, float]], seen: set[Entity], alteration: QuotaAlteration
) -> Refusal | None:
    """Make the changes of one entity in ``quotas``; or why not."""
    entity = entity_of(alteration.entity)
    if isinstance(entity, Refusal):
        return entity
    if entity in seen:
        return Refusal(ErrorCode.INVALID_REQUEST, f"{said(entity)} is in the request twice")
    seen.add(entity)
    values = changed(entity, quotas.get(entity, {}), alteration.ops)
    if isinstance(values, Refusal):
        return values
    if values and entity not in quotas and len(quotas) >= QUOTAS_MAX:
        return Refusal(ErrorCode.POLICY_VIOLATION, f"at most {QUOTAS_MAX} entities have quotas")
    if values:
        quotas[entity] = values
    else:
        quotas.pop(entity, None)
    return None


def _answer(alteration: QuotaAlteration, refusal: Refusal | None) -> AlteredQuota:
    code, message = refusal or (ErrorCode.NONE, None)
    return AlteredQuota(error_code=code, error_message=message, entity=alteration.entity)
