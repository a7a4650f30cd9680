"""OffsetCommit (API key 8).

Source: https://kafka.apache.org/protocol#The_Messages_OffsetCommit
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class OffsetCommitPartition(Message, frozen=True, kw_only=True):
    """The next offset to read, and a text kept beside it."""

    partition_index: int
    committed_offset: int
    committed_leader_epoch: int = -1
    committed_metadata: str | None = None


class OffsetCommitTopic(Message, frozen=True, kw_only=True):
    """The offsets of one topic: by its id where one is given (version 10), else by its name.

    TxnOffsetCommit uses the same shape, and knows names only.
    """

    name: str = ""
    topic_id: UUID | None = None
    partitions: list[OffsetCommitPartition]


class OffsetCommitPartitionResponse(Message, frozen=True, kw_only=True):
    """Whether one partition's offset was taken."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE


class OffsetCommitTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic, named as it was asked for."""

    name: str = ""
    topic_id: UUID | None = None
    partitions: list[OffsetCommitPartitionResponse]


class OffsetCommitResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition."""

    topics: list[OffsetCommitTopicResponse]
    throttle_time_ms: int = 0


class OffsetCommitRequest(Request[OffsetCommitResponse], frozen=True, kw_only=True):
    """Commit offsets; generation -1 and no member for a group without members (manual assignment).

    Members of a group of the consumer protocol (KIP-848) give their member epoch for the generation.
    """

    api_key: ClassVar[int] = 8
    group_id: str
    generation_id_or_member_epoch: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
    topics: list[OffsetCommitTopic]
