"""EndTxn: commit or abort.

Owns: nothing but the way from the request to the coordinator.
Must not know: how transactions work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = EndTxnRequest


async def handle(broker: HandlerBroker, request: EndTxnRequest) -> EndTxnResponse:
    """Answer when the outcome is durable and visible, with the identity for the next transaction."""
    return await broker.transactions.end_transaction(request)
