"""OffsetDelete (API key 47): forget committed offsets of a group, partition by partition (KIP-496).

Source: https://kafka.apache.org/protocol#The_Messages_OffsetDelete
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class OffsetDeletePartition(Message, frozen=True, kw_only=True):
    """A partition whose offset is to be forgotten."""

    partition_index: int


class OffsetDeleteTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic."""

    name: str
    partitions: list[OffsetDeletePartition]


class OffsetDeletePartitionResponse(Message, frozen=True, kw_only=True):
    """Why an offset was not forgotten: GROUP_SUBSCRIBED_TO_TOPIC where members read the topic."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE


class OffsetDeleteTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[OffsetDeletePartitionResponse]


class OffsetDeleteResponse(Message, frozen=True, kw_only=True):
    """An error of the whole group, with no topics, or one answer per partition."""

    error_code: ErrorCode = ErrorCode.NONE
    topics: list[OffsetDeleteTopicResponse]
    throttle_time_ms: int = 0


class OffsetDeleteRequest(Request[OffsetDeleteResponse], frozen=True, kw_only=True):
    """Forget offsets of topics that no member of the group subscribes to."""

    api_key: ClassVar[int] = 47
    group_id: str
    topics: list[OffsetDeleteTopic]
