"""DeleteRecords: move the start of partitions up.

Owns: the answer to ``DeleteRecordsRequest``.
Must not know: when segments are removed from disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import LOG_FAILURES, PartitionDeleted
from streamz_core.broker.topic_rules import refuse_change
from streamz_core.errors import ErrorCode
from streamz_core.log.errors import OffsetOutOfRange
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DeleteRecordsRequest
HIGH_WATERMARK: Final = -1
"""The offset that stands for the end of what is visible."""


async def handle(broker: HandlerBroker, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    """Delete below the offset of each partition."""
    topics = []
    for topic in request.topics:
        results = [await _delete(broker, topic.name, wanted) for wanted in topic.partitions]
        topics.append(DeleteRecordsTopicResult(name=topic.name, partitions=results))
    return DeleteRecordsResponse(topics=topics)


async def _delete(
    broker: HandlerBroker, topic: str, wanted: DeleteRecordsPartition
) -> DeleteRecordsPartitionResult:
    index = wanted.partition_index
    refusal = refuse_change(topic)
    if refusal is not None:
        return DeleteRecordsPartitionResult(partition_index=index, error_code=refusal.code)
    log = broker.log(topic, index)
    if log is None:
        code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return DeleteRecordsPartitionResult(partition_index=index, error_code=code)
    offset = log.high_watermark if wanted.offset == HIGH_WATERMARK else wanted.offset
    if not 0 <= offset <= log.high_watermark:
        return DeleteRecordsPartitionResult(partition_index=index, error_code=ErrorCode.OFFSET_OUT_OF_RANGE)
    if "delete" not in log.config.cleanup_policy:
        # A compacted topic keeps the last value of every key; its beginning cannot be cut off.
        return DeleteRecordsPartitionResult(partition_index=index, error_code=ErrorCode.POLICY_VIOLATION)
    try:
        await broker.flusher.durable(log, offset)
        async with broker.flusher.quiet(log):
            if broker.log(topic, index) is not log:
                raise PartitionDeleted(f"{log.name} was deleted")
            log.delete_records_before(offset)
    except (*LOG_FAILURES, OffsetOutOfRange) as failure:
        return DeleteRecordsPartitionResult(partition_index=index, error_code=failure.code)
    broker.notify(log)
    return DeleteRecordsPartitionResult(partition_index=index, low_watermark=log.log_start_offset)
