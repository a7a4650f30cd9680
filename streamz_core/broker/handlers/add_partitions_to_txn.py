"""AddPartitionsToTxn: partitions that a client of before KIP-890 will write to.

Owns: the answer to ``AddPartitionsToTxnRequest``: all of its partitions, or none.
Must not know: what a transaction is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.topic_rules import is_internal
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = AddPartitionsToTxnRequest


async def handle(broker: HandlerBroker, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse:
    """Add all partitions; where one cannot be written to, none, so that none is left waiting for records."""
    asked = {
        TopicPartition(topic.name, index): _error(broker, topic.name, index)
        for topic in request.topics
        for index in topic.partitions
    }
    if any(asked.values()):
        outcomes = {p: code or ErrorCode.OPERATION_NOT_ATTEMPTED for p, code in asked.items()}
    else:
        code = await broker.transactions.announce_partitions(
            request.transactional_id, request.producer_id, request.producer_epoch, asked
        )
        outcomes = dict.fromkeys(asked, code)
    return AddPartitionsToTxnResponse(
        results=[
            AddPartitionsToTxnTopicResult(
                name=topic.name,
                results=[
                    AddPartitionsToTxnPartitionResult(
                        partition_index=index, error_code=outcomes[TopicPartition(topic.name, index)]
                    )
                    for index in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _error(broker: HandlerBroker, topic: str, index: int) -> ErrorCode:
    if is_internal(topic):
        return ErrorCode.INVALID_TOPIC_EXCEPTION
    return ErrorCode.NONE if broker.log(topic, index) is not None else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
