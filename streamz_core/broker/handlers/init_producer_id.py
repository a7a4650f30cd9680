"""InitProducerId: an identity for an idempotent producer; transactional ones are the coordinator's.

Owns: the answer to ``InitProducerIdRequest`` without a transactional id.
Must not know: transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = InitProducerIdRequest


async def handle(broker: HandlerBroker, request: InitProducerIdRequest) -> InitProducerIdResponse:
    """Give a fresh id; a producer without transactions that asks again is simply somebody new."""
    if request.transactional_id is not None:
        return await broker.transactions.init_producer_id(request)
    return InitProducerIdResponse(producer_id=broker.allocate_producer_id(), producer_epoch=0)
