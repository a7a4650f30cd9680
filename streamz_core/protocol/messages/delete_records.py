"""DeleteRecords (API key 21): move the log start offset up.

Source: https://kafka.apache.org/protocol#The_Messages_DeleteRecords
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class DeleteRecordsPartition(Message, frozen=True, kw_only=True):
    """Delete what is below ``offset``; -1 means up to the high watermark."""

    partition_index: int
    offset: int


class DeleteRecordsTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic to delete from."""

    name: str
    partitions: list[DeleteRecordsPartition]


class DeleteRecordsPartitionResult(Message, frozen=True, kw_only=True):
    """The new log start offset, or why it did not move."""

    partition_index: int
    low_watermark: int = -1
    error_code: ErrorCode = ErrorCode.NONE


class DeleteRecordsTopicResult(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[DeleteRecordsPartitionResult]


class DeleteRecordsResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for."""

    topics: list[DeleteRecordsTopicResult]
    throttle_time_ms: int = 0


class DeleteRecordsRequest(Request[DeleteRecordsResponse], frozen=True, kw_only=True):
    """Delete old records of partitions."""

    api_key: ClassVar[int] = 21
    topics: list[DeleteRecordsTopic]
    timeout_ms: int = 60_000
