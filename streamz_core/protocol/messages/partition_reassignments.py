"""AlterPartitionReassignments (API key 45) and ListPartitionReassignments (46): one vocabulary, one file.

Source: https://kafka.apache.org/protocol#The_Messages_ListPartitionReassignments, KIP-455
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class ReassignablePartition(Message, frozen=True, kw_only=True):
    """Where one partition's replicas are to be; None cancels a reassignment under way."""

    partition_index: int
    replicas: list[int] | None = None


class ReassignableTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic."""

    name: str
    partitions: list[ReassignablePartition]


class ReassignablePartitionResponse(Message, frozen=True, kw_only=True):
    """What became of one partition's reassignment."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class ReassignableTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[ReassignablePartitionResponse]


class AlterPartitionReassignmentsResponse(Message, frozen=True, kw_only=True):
    """One answer per partition."""

    allow_replication_factor_change: bool = True
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    responses: list[ReassignableTopicResponse]
    throttle_time_ms: int = 0


class AlterPartitionReassignmentsRequest(
    Request[AlterPartitionReassignmentsResponse], frozen=True, kw_only=True
):
    """Move partitions between brokers."""

    api_key: ClassVar[int] = 45
    timeout_ms: int = 60_000
    allow_replication_factor_change: bool = True
    topics: list[ReassignableTopic]


class ListPartitionReassignmentsTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are asked about."""

    name: str
    partition_indexes: list[int]


class OngoingPartitionReassignment(Message, frozen=True, kw_only=True):
    """A partition on its way."""

    partition_index: int
    replicas: list[int]
    adding_replicas: list[int]
    removing_replicas: list[int]


class OngoingTopicReassignment(Message, frozen=True, kw_only=True):
    """A topic with partitions on their way."""

    name: str
    partitions: list[OngoingPartitionReassignment]


class ListPartitionReassignmentsResponse(Message, frozen=True, kw_only=True):
    """What is on its way."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    topics: Sequence[OngoingTopicReassignment] = ()
    throttle_time_ms: int = 0


class ListPartitionReassignmentsRequest(
    Request[ListPartitionReassignmentsResponse], frozen=True, kw_only=True
):
    """``topics`` None asks for all."""

    api_key: ClassVar[int] = 46
    timeout_ms: int = 60_000
    topics: list[ListPartitionReassignmentsTopic] | None = None
