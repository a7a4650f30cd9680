"""ListOffsets (API key 2): the offset at a time, or one of the log's ends.

Source: https://kafka.apache.org/protocol#The_Messages_ListOffsets
"""

from __future__ import annotations

from typing import ClassVar, Final

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.request import Message, Request

LATEST_TIMESTAMP: Final = -1
EARLIEST_TIMESTAMP: Final = -2
MAX_TIMESTAMP: Final = -3
EARLIEST_LOCAL_TIMESTAMP: Final = -4
"""The earliest offset on this broker's own disk (KIP-405); nothing is elsewhere, so the log start."""
DELETIONS_KEPT_TIMESTAMP: Final = -1_000
"""Ours: the offset from which on every deletion is still told. Who stopped reading before it may have missed some."""
LATEST_TIERED_TIMESTAMP: Final = -5
"""The latest offset in tiered storage (KIP-1005); there is none."""


class ListOffsetsPartition(Message, frozen=True, kw_only=True):
    """A time in ms, or one of the special timestamps above."""

    partition_index: int
    timestamp: int
    current_leader_epoch: int = -1


class ListOffsetsTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are asked about."""

    name: str
    partitions: list[ListOffsetsPartition]


class ListOffsetsPartitionResponse(Message, frozen=True, kw_only=True):
    """``offset`` and ``timestamp`` are -1 where no record is at or after the time."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE
    timestamp: int = -1
    offset: int = -1
    leader_epoch: int = -1


class ListOffsetsTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[ListOffsetsPartitionResponse]


class ListOffsetsResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for."""

    topics: list[ListOffsetsTopicResponse]
    throttle_time_ms: int = 0


class ListOffsetsRequest(Request[ListOffsetsResponse], frozen=True, kw_only=True):
    """LATEST is the high watermark, or the last stable offset for READ_COMMITTED."""

    api_key: ClassVar[int] = 2
    isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    topics: list[ListOffsetsTopic]
    timeout_ms: int = 0
    """How long the answer may wait for remote storage; there is none, so nothing waits."""
