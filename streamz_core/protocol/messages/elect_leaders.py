"""ElectLeaders (API key 43): elect the leaders of partitions.

Source: https://kafka.apache.org/protocol#The_Messages_ElectLeaders, KIP-183, KIP-460
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class ElectionType(IntEnum):
    """Who may be elected."""

    PREFERRED = 0
    UNCLEAN = 1


class ElectLeadersTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are to elect."""

    topic: str
    partitions: list[int]


class ElectLeadersPartitionResult(Message, frozen=True, kw_only=True):
    """What became of one partition's election."""

    partition_id: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class ElectLeadersTopicResult(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    topic: str
    partition_result: list[ElectLeadersPartitionResult]


class ElectLeadersResponse(Message, frozen=True, kw_only=True):
    """One answer per partition named; where none was, of those in which there was an election."""

    error_code: ErrorCode = ErrorCode.NONE
    replica_election_results: Sequence[ElectLeadersTopicResult] = ()
    throttle_time_ms: int = 0


class ElectLeadersRequest(Request[ElectLeadersResponse], frozen=True, kw_only=True):
    """``topic_partitions`` None asks for all."""

    api_key: ClassVar[int] = 43
    election_type: ElectionType | int = ElectionType.PREFERRED
    topic_partitions: list[ElectLeadersTopic] | None = None
    timeout_ms: int = 60_000
