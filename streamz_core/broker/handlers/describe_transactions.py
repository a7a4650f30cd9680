"""DescribeTransactions: transactional ids as the coordinator knows them.

Owns: the description.
Must not know: how transactions work.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from streamz_core.broker.transactions.state import SETTLED
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.describe_transactions import (
    DescribedTransaction,
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TransactionTopicData,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.broker.transactions.state import Transaction

REQUEST: Final = DescribeTransactionsRequest


async def handle(broker: HandlerBroker, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
    """Describe each transactional id asked for."""
    return DescribeTransactionsResponse(
        transaction_states=[_described(broker, one) for one in request.transactional_ids]
    )


def _described(broker: HandlerBroker, transactional_id: str) -> DescribedTransaction:
    if not transactional_id:
        return DescribedTransaction(transactional_id="", error_code=ErrorCode.INVALID_REQUEST)
    found = broker.transactions.find(transactional_id)
    if found is None:
        code = ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
        return DescribedTransaction(transactional_id=transactional_id, error_code=code)
    return DescribedTransaction(
        transactional_id=transactional_id,
        transaction_state=found.state.title,
        transaction_timeout_ms=found.timeout_ms,
        transaction_start_time_ms=-1 if found.state in SETTLED else found.started_ms,
        producer_id=found.producer_id,
        producer_epoch=found.producer_epoch,
        topics=_topics(found),
    )


def _topics(transaction: Transaction) -> list[TransactionTopicData]:
    by_topic = groupby(sorted(transaction.partitions), key=lambda partition: partition.topic)
    return [
        TransactionTopicData(topic=topic, partitions=[partition.partition for partition in partitions])
        for topic, partitions in by_topic
    ]
