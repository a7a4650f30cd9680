"""AddOffsetsToTxn: a client of before KIP-890 will commit a group's offsets with its transaction.

Owns: the answer to ``AddOffsetsToTxnRequest``.
Must not know: how groups keep offsets, what a transaction is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups.records import is_valid_group_id
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = AddOffsetsToTxnRequest


async def handle(broker: HandlerBroker, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse:
    """Take the partition that holds the group's offsets into the transaction."""
    if not is_valid_group_id(request.group_id):
        return AddOffsetsToTxnResponse(error_code=ErrorCode.INVALID_GROUP_ID)
    code = await broker.transactions.announce_partitions(
        request.transactional_id,
        request.producer_id,
        request.producer_epoch,
        [broker.groups.offsets_partition(request.group_id)],
    )
    return AddOffsetsToTxnResponse(error_code=code)
