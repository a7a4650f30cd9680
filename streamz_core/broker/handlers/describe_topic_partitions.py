"""DescribeTopicPartitions: topics by name, so many partitions at a time.

Owns: where an answer begins and ends.
Must not know: what is said of a topic (``handlers.metadata``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.authorized_operations import TOPIC_OPERATIONS
from streamz_core.broker.handlers.metadata import describe_partition, refused_name
from streamz_core.broker.topic_rules import is_internal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.describe_topic_partitions import (
    Cursor,
    DescribedTopic,
    DescribedTopicPartition,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeTopicPartitionsRequest
PARTITIONS_MAX: Final = 2_000
"""How many partitions an answer has at most, whatever is asked for (Kafka's ``max.request.partition.size.limit``)."""


async def handle(
    broker: HandlerBroker, request: DescribeTopicPartitionsRequest
) -> DescribeTopicPartitionsResponse:
    """Describe from the cursor on for as long as there is room; the next cursor says where to go on."""
    names = sorted({topic.name for topic in request.topics} or broker.directory.topics)
    room = max(min(request.response_partition_limit, PARTITIONS_MAX), 1)
    first = request.cursor
    described: list[DescribedTopic] = []
    for name in names:
        if first is not None and name < first.topic_name:
            continue
        start = first.partition_index if first is not None and name == first.topic_name else 0
        if room <= 0:
            return DescribeTopicPartitionsResponse(
                topics=described, next_cursor=Cursor(topic_name=name, partition_index=start)
            )
        topic, is_whole = _described(broker, name, max(start, 0), room)
        described.append(topic)
        room -= len(topic.partitions)
        if not is_whole:
            next_index = max(start, 0) + len(topic.partitions)
            return DescribeTopicPartitionsResponse(
                topics=described, next_cursor=Cursor(topic_name=name, partition_index=next_index)
            )
    return DescribeTopicPartitionsResponse(topics=described)


def _described(broker: HandlerBroker, name: str, start: int, room: int) -> tuple[DescribedTopic, bool]:
    """The topic with at most ``room`` partitions from ``start`` on, and whether those are all."""
    entry = broker.directory.topics.get(name)
    if entry is None:
        code = refused_name(name)
        return DescribedTopic(name=name, error_code=code, is_internal=is_internal(name), partitions=[]), True
    end = min(entry.partitions, start + room)
    topic = DescribedTopic(
        name=name,
        error_code=ErrorCode.NONE,
        topic_id=entry.topic_id,
        is_internal=is_internal(name),
        partitions=[_partition(broker, name, index) for index in range(start, end)],
        topic_authorized_operations=TOPIC_OPERATIONS,
    )
    return topic, end >= entry.partitions


def _partition(broker: HandlerBroker, name: str, index: int) -> DescribedTopicPartition:
    found = describe_partition(broker, name, index)
    return DescribedTopicPartition(
        partition_index=index,
        error_code=found.error_code,
        leader_id=found.leader_id,
        leader_epoch=found.leader_epoch,
        replica_nodes=found.replica_nodes,
        isr_nodes=found.isr_nodes,
        eligible_leader_replicas=[],
        last_known_elr=[],
    )
