"""AlterPartitionReassignments: partitions can lie where they lie, on the one broker there is.

Owns: the answer to ``AlterPartitionReassignmentsRequest``.
Must not know: how partitions lie on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import refuse_brokers
from streamz_core.broker.topic_rules import Refusal, unknown_partition
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = AlterPartitionReassignmentsRequest


async def handle(
    broker: HandlerBroker, request: AlterPartitionReassignmentsRequest
) -> AlterPartitionReassignmentsResponse:
    """Accept where a partition is already, refuse every other place."""
    return AlterPartitionReassignmentsResponse(
        allow_replication_factor_change=request.allow_replication_factor_change,
        responses=[
            ReassignableTopicResponse(
                name=topic.name, partitions=[_answer(broker, topic.name, part) for part in topic.partitions]
            )
            for topic in request.topics
        ],
    )


def _answer(broker: HandlerBroker, topic: str, asked: ReassignablePartition) -> ReassignablePartitionResponse:
    refusal = _refuse(broker, topic, asked)
    if refusal is None:
        return ReassignablePartitionResponse(partition_index=asked.partition_index)
    return ReassignablePartitionResponse(
        partition_index=asked.partition_index, error_code=refusal.code, error_message=refusal.message
    )


def _refuse(broker: HandlerBroker, topic: str, asked: ReassignablePartition) -> Refusal | None:
    if broker.log(topic, asked.partition_index) is None:
        return unknown_partition(TopicPartition(topic, asked.partition_index))
    if asked.replicas is None:
        message = f"partition {asked.partition_index} of topic {topic!r} is not on its way anywhere"
        return Refusal(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, message)
    return refuse_brokers(topic, [asked.replicas])
