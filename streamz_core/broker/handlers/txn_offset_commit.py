"""TxnOffsetCommit: offsets that become committed with the transaction, and only then.

Owns: the order of the two questions: may the group's member commit, may the producer write.
Must not know: how groups and transactions answer them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.groups import commits
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = TxnOffsetCommitRequest


async def handle(broker: HandlerBroker, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
    """Keep the offsets until the transaction ends; a zombie's are refused (KIP-447)."""
    refused = await commits.undurable(broker.groups.services, request.topics)
    error = commits.transactional_commit_error(broker.groups, request)
    if error is None:
        verified = await broker.transactions.verify_partition(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            broker.groups.offsets_partition(request.group_id),
            request.transaction_version,
        )
        error = None if verified is ErrorCode.NONE else verified
    if error is not None:
        return TxnOffsetCommitResponse(topics=commits.answers(request.topics, error))
    return TxnOffsetCommitResponse(
        topics=await commits.commit_in_transaction(broker.groups, request, refused)
    )
