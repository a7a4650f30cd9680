"""OffsetFetch (API key 9): the committed offsets of groups.

Source: https://kafka.apache.org/protocol#The_Messages_OffsetFetch, KIP-709 (several groups)
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class OffsetFetchTopic(Message, frozen=True, kw_only=True):
    """The partitions that are asked about of one topic: by its id where one is given, else by its name."""

    name: str = ""
    topic_id: UUID | None = None
    partition_indexes: list[int]


class OffsetFetchGroup(Message, frozen=True, kw_only=True):
    """One group; ``topics`` None asks for all that it has.

    Its members of the consumer protocol (KIP-848) say who they are, and are told if they are that no more.
    """

    group_id: str
    member_id: str | None = None
    member_epoch: int = -1
    topics: list[OffsetFetchTopic] | None = None


class OffsetFetchPartitionResponse(Message, frozen=True, kw_only=True):
    """``committed_offset`` is -1 where nothing was committed."""

    partition_index: int
    committed_offset: int = -1
    committed_leader_epoch: int = -1
    metadata: str | None = None
    error_code: ErrorCode = ErrorCode.NONE


class OffsetFetchTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic, named as it was asked for."""

    name: str = ""
    topic_id: UUID | None = None
    partitions: list[OffsetFetchPartitionResponse]


class OffsetFetchGroupResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for, or all that the group has."""

    group_id: str
    topics: list[OffsetFetchTopicResponse]
    error_code: ErrorCode = ErrorCode.NONE


class OffsetFetchResponse(Message, frozen=True, kw_only=True):
    """One answer per group asked for, in that order."""

    groups: list[OffsetFetchGroupResponse]
    throttle_time_ms: int = 0


class OffsetFetchRequest(Request[OffsetFetchResponse], frozen=True, kw_only=True):
    """``require_stable``: UNSTABLE_OFFSET_COMMIT for what an open transaction is about to commit."""

    api_key: ClassVar[int] = 9
    groups: list[OffsetFetchGroup]
    require_stable: bool = False
