"""DescribeLogDirs: the data directory, and the bytes of its partitions.

Owns: the answer to ``DescribeLogDirsRequest``.
Must not know: what the segments are made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = DescribeLogDirsRequest


async def handle(broker: HandlerBroker, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
    """Describe the one directory; partitions that are not there are left out."""
    asked: Mapping[str, Iterable[int]]
    if request.topics is None:
        asked = {entry.name: range(entry.partitions) for entry in broker.directory.topics.values()}
    else:
        asked = {topic.topic: topic.partitions for topic in request.topics}
    try:
        usable_bytes = broker.directory.free_bytes()
    except (OSError, *DIRECTORY_FAILURES):
        result = DescribeLogDirsResult(
            log_dir=broker.directory.path, topics=[], error_code=ErrorCode.KAFKA_STORAGE_ERROR
        )
        return DescribeLogDirsResponse(results=[result])
    topics = [_described(broker, name, sorted(asked[name])) for name in sorted(asked)]
    return DescribeLogDirsResponse(
        results=[
            DescribeLogDirsResult(
                log_dir=broker.directory.path,
                topics=[topic for topic in topics if topic.partitions],
                usable_bytes=usable_bytes,
            )
        ]
    )


def _described(broker: HandlerBroker, name: str, indexes: Iterable[int]) -> DescribeLogDirsTopic:
    logs = ((index, broker.log(name, index)) for index in indexes)
    return DescribeLogDirsTopic(
        name=name,
        partitions=[
            DescribeLogDirsPartition(partition_index=index, partition_size=log.size_bytes)
            for index, log in logs
            if log is not None
        ],
    )
