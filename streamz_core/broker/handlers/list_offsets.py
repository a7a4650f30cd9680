"""ListOffsets: the ends of a partition, or the first offset at or after a time.

Owns: the answer to ``ListOffsetsRequest``.
Must not know: how times are indexed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.leader_epochs import LEADER_EPOCH, refuse_epoch
from streamz_core.broker.log_failures import READ_FAILURES
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.list_offsets import (
    DELETIONS_KEPT_TIMESTAMP,
    EARLIEST_LOCAL_TIMESTAMP,
    EARLIEST_TIMESTAMP,
    LATEST_TIERED_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.log.partition_log import PartitionLog

REQUEST: Final = ListOffsetsRequest


async def handle(broker: HandlerBroker, request: ListOffsetsRequest) -> ListOffsetsResponse:
    """Answer for each partition by itself."""
    topics = [
        ListOffsetsTopicResponse(
            name=topic.name,
            partitions=[
                _answer(broker.log(topic.name, asked.partition_index), asked, request.isolation_level)
                for asked in topic.partitions
            ],
        )
        for topic in request.topics
    ]
    return ListOffsetsResponse(topics=topics)


def _answer(
    log: PartitionLog | None, asked: ListOffsetsPartition, isolation: IsolationLevel
) -> ListOffsetsPartitionResponse:
    index = asked.partition_index
    if log is None:
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return ListOffsetsPartitionResponse(partition_index=index, error_code=code)
    code = refuse_epoch(asked.current_leader_epoch)
    if asked.timestamp < LATEST_TIERED_TIMESTAMP and asked.timestamp != DELETIONS_KEPT_TIMESTAMP:
        code = ErrorCode.UNSUPPORTED_VERSION
    if code is not ErrorCode.NONE:
        return ListOffsetsPartitionResponse(partition_index=index, error_code=code)
    try:
        offset, timestamp = _locate(log, asked.timestamp, isolation)
    except READ_FAILURES as failure:
        return ListOffsetsPartitionResponse(partition_index=index, error_code=failure.code)
    return ListOffsetsPartitionResponse(
        partition_index=index, offset=offset, timestamp=timestamp, leader_epoch=LEADER_EPOCH
    )


def _locate(log: PartitionLog, timestamp: int, isolation: IsolationLevel) -> tuple[int, int]:
    """Offset and its timestamp; -1 for what there is none of."""
    if log.failure is not None:
        raise log.failure
    end = log.last_stable_offset if isolation is IsolationLevel.READ_COMMITTED else log.high_watermark
    if timestamp == LATEST_TIMESTAMP:
        return end, -1
    if timestamp in (EARLIEST_TIMESTAMP, EARLIEST_LOCAL_TIMESTAMP):
        return log.log_start_offset, -1
    if timestamp == DELETIONS_KEPT_TIMESTAMP:
        return log.deletions_kept_from, -1
    if timestamp == LATEST_TIERED_TIMESTAMP:
        return -1, -1
    found = log.max_timestamp() if timestamp == MAX_TIMESTAMP else log.offset_for_timestamp(timestamp)
    # What a reader of this isolation cannot see yet is not there for it.
    return found if found is not None and found[0] < end else (-1, -1)
