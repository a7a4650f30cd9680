"""OffsetDelete (API key 47).

Source: https://kafka.apache.org/protocol#The_Messages_OffsetDelete and KIP-496
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class OffsetDeleteTopic(Message, frozen=True, kw_only=True):
    """Partitions of one topic."""

    name: str
    partition_indexes: list[int]


class OffsetDeletePartitionResponse(Message, frozen=True, kw_only=True):
    """What became of one partition's offset."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE


class OffsetDeleteTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[OffsetDeletePartitionResponse]


class OffsetDeleteResponse(Message, frozen=True, kw_only=True):
    """One answer per partition, none where the whole group is refused."""

    error_code: ErrorCode = ErrorCode.NONE
    topics: list[OffsetDeleteTopicResponse]
    throttle_time_ms: int = 0


class OffsetDeleteRequest(Request[OffsetDeleteResponse], frozen=True, kw_only=True):
    """Take back what a group without members committed for some partitions."""

    api_key: ClassVar[int] = 47
    group_id: str
    topics: list[OffsetDeleteTopic]
