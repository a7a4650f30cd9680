"""DescribeProducers: what partitions remember of their producers.

Owns: the description.
Must not know: transactional ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import STOPPED
from streamz_core.broker.topic_rules import unknown_partition
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.describe_producers import (
    DescribeProducersPartition,
    DescribeProducersRequest,
    DescribeProducersResponse,
    DescribeProducersTopicResponse,
    ProducerState,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.log.producer_state import Producer

REQUEST: Final = DescribeProducersRequest


async def handle(broker: HandlerBroker, request: DescribeProducersRequest) -> DescribeProducersResponse:
    """Describe each partition's producers; internal topics' too, which is where offsets hang."""
    return DescribeProducersResponse(
        topics=[
            DescribeProducersTopicResponse(
                name=topic.name,
                partitions=[
                    _described(broker, TopicPartition(topic.name, index)) for index in topic.partition_indexes
                ],
            )
            for topic in request.topics
        ]
    )


def _described(broker: HandlerBroker, partition: TopicPartition) -> DescribeProducersPartition:
    index = partition.partition
    log = broker.log(partition.topic, index)
    if log is None:
        code, message = unknown_partition(partition)
        return DescribeProducersPartition(partition_index=index, error_code=code, error_message=message)
    if isinstance(log.failure, STOPPED):
        return DescribeProducersPartition(
            partition_index=index, error_code=log.failure.code, error_message=str(log.failure)
        )
    producers = sorted(log.producers().items())
    return DescribeProducersPartition(
        partition_index=index, active_producers=[_state(producer_id, one) for producer_id, one in producers]
    )


def _state(producer_id: int, producer: Producer) -> ProducerState:
    return ProducerState(
        producer_id=producer_id,
        producer_epoch=producer.epoch,
        last_sequence=producer.batches[-1].last_sequence if producer.batches else -1,
        last_timestamp=producer.last_timestamp_ms,
        coordinator_epoch=producer.coordinator_epoch,
        current_txn_start_offset=producer.txn_first_offset,
    )
