"""WriteTxnMarkers: an administrator aborts a transaction that hangs.

Owns: which markers may be written from outside: aborts of what is open and nobody here will end.
Must not know: how markers are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = WriteTxnMarkersRequest


async def handle(broker: HandlerBroker, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
    """Write each marker that may be; answered when they are durable."""
    return WriteTxnMarkersResponse(
        markers=[
            WritableTxnMarkerResult(
                producer_id=marker.producer_id,
                topics=[
                    WritableTxnMarkerTopicResult(
                        name=topic.name,
                        partitions=[
                            WritableTxnMarkerPartitionResult(
                                partition_index=index,
                                error_code=await _write(broker, marker, TopicPartition(topic.name, index)),
                            )
                            for index in topic.partition_indexes
                        ],
                    )
                    for topic in marker.topics
                ],
            )
            for marker in request.markers
        ]
    )


async def _write(broker: HandlerBroker, marker: WritableTxnMarker, partition: TopicPartition) -> ErrorCode:
    if marker.transaction_result:
        return ErrorCode.INVALID_REQUEST  # what no coordinator has decided must not become visible
    log = broker.log(partition.topic, partition.partition)
    if log is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if marker.producer_id not in log.open_producers():
        return ErrorCode.INVALID_TXN_STATE
    if broker.transactions.ends(partition, marker.producer_id):
        # It would be torn: aborted here, and committed in its other partitions.
        return ErrorCode.CONCURRENT_TRANSACTIONS
    try:
        await broker.append_marker(log, marker.producer_id, marker.producer_epoch, committed=False)
    except LOG_FAILURES as failure:
        return failure.code
    return ErrorCode.NONE
