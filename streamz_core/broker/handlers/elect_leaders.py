"""ElectLeaders: the leader is the one broker there is.

Owns: the answer to ``ElectLeadersRequest``.
Must not know: how partitions lie on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.topic_rules import unknown_partition
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.elect_leaders import (
    ElectionType,
    ElectLeadersPartitionResult,
    ElectLeadersRequest,
    ElectLeadersResponse,
    ElectLeadersTopicResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = ElectLeadersRequest


async def handle(broker: HandlerBroker, request: ElectLeadersRequest) -> ElectLeadersResponse:
    """Say of each partition named that it needs no election; of all, nothing is to be told."""
    if request.election_type not in list(ElectionType):
        return ElectLeadersResponse(error_code=ErrorCode.INVALID_REQUEST)
    return ElectLeadersResponse(
        replica_election_results=[
            ElectLeadersTopicResult(
                topic=asked.topic,
                partition_result=[
                    _answer(broker, TopicPartition(asked.topic, index)) for index in asked.partitions
                ],
            )
            for asked in request.topic_partitions or ()
        ]
    )


def _answer(broker: HandlerBroker, partition: TopicPartition) -> ElectLeadersPartitionResult:
    if broker.log(*partition) is None:
        code, message = unknown_partition(partition)
    else:
        code, message = ErrorCode.ELECTION_NOT_NEEDED, "the one broker there is leads the partition"
    return ElectLeadersPartitionResult(
        partition_id=partition.partition, error_code=code, error_message=message
    )
