"""OffsetFetch (API key 9).

Source: https://kafka.apache.org/protocol#The_Messages_OffsetFetch
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class OffsetFetchTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are asked about."""

    name: str
    partition_indexes: list[int]


class OffsetFetchPartitionResponse(Message, frozen=True, kw_only=True):
    """``committed_offset`` is -1 where nothing was committed."""

    partition_index: int
    committed_offset: int = -1
    committed_leader_epoch: int = -1
    metadata: str | None = None
    error_code: ErrorCode = ErrorCode.NONE


class OffsetFetchTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[OffsetFetchPartitionResponse]


class OffsetFetchResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for, or all that the group has."""

    topics: list[OffsetFetchTopicResponse]
    error_code: ErrorCode = ErrorCode.NONE
    throttle_time_ms: int = 0


class OffsetFetchRequest(Request[OffsetFetchResponse], frozen=True, kw_only=True):
    """``topics`` None asks for all.

    ``require_stable``: UNSTABLE_OFFSET_COMMIT for what an open transaction is about to commit.
    """

    api_key: ClassVar[int] = 9
    group_id: str
    topics: list[OffsetFetchTopic] | None = None
    require_stable: bool = False
