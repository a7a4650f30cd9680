"""OffsetForLeaderEpoch (API key 23): where a leader epoch ended.

Source: https://kafka.apache.org/protocol#The_Messages_OffsetForLeaderEpoch and KIP-320
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class OffsetForLeaderPartition(Message, frozen=True, kw_only=True):
    """The epoch asked about, and the one the client believes is current (-1: it does not know)."""

    partition: int
    current_leader_epoch: int = -1
    leader_epoch: int


class OffsetForLeaderTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are asked about."""

    topic: str
    partitions: list[OffsetForLeaderPartition]


class EpochEndOffset(Message, frozen=True, kw_only=True):
    """The largest epoch that is not larger than the one asked about, and the offset after its last record."""

    partition: int
    error_code: ErrorCode = ErrorCode.NONE
    leader_epoch: int = -1
    end_offset: int = -1


class OffsetForLeaderTopicResult(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    topic: str
    partitions: list[EpochEndOffset]


class OffsetForLeaderEpochResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for."""

    topics: list[OffsetForLeaderTopicResult]
    throttle_time_ms: int = 0


class OffsetForLeaderEpochRequest(Request[OffsetForLeaderEpochResponse], frozen=True, kw_only=True):
    """What a consumer asks to find out whether records it has read are there no more."""

    api_key: ClassVar[int] = 23
    topics: list[OffsetForLeaderTopic]
