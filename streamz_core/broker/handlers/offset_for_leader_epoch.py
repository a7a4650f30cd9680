"""OffsetForLeaderEpoch: where the one epoch ends.

Owns: the answer to ``OffsetForLeaderEpochRequest``.
Must not know: why there is one epoch (``leader_epochs``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.leader_epochs import end_of_epoch, refuse_epoch
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.log.partition_log import PartitionLog

REQUEST: Final = OffsetForLeaderEpochRequest


async def handle(broker: HandlerBroker, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
    """Answer for each partition by itself."""
    return OffsetForLeaderEpochResponse(
        topics=[
            OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=[
                    _answer(broker.log(topic.topic, asked.partition), asked) for asked in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _answer(log: PartitionLog | None, asked: OffsetForLeaderPartition) -> EpochEndOffset:
    if log is None:
        return EpochEndOffset(partition=asked.partition, error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    if log.failure is not None:
        return EpochEndOffset(partition=asked.partition, error_code=ErrorCode.KAFKA_STORAGE_ERROR)
    code = refuse_epoch(asked.current_leader_epoch)
    if code is not ErrorCode.NONE:
        return EpochEndOffset(partition=asked.partition, error_code=code)
    epoch, end_offset = end_of_epoch(asked.leader_epoch, log.log_end_offset)
    return EpochEndOffset(partition=asked.partition, leader_epoch=epoch, end_offset=end_offset)
