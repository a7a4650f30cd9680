"""DescribeTopicPartitions (API key 75): topics as Metadata has them, so many partitions at a time.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeTopicPartitions, KIP-966
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.request import Message, Request


class Cursor(Message, frozen=True, kw_only=True):
    """The first partition that an answer has not got, or is to begin with."""

    topic_name: str
    partition_index: int


class DescribeTopicPartitionsTopic(Message, frozen=True, kw_only=True):
    """A topic that is asked about."""

    name: str


class DescribedTopicPartition(Message, frozen=True, kw_only=True):
    """One partition and who leads it."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE
    leader_id: int = 0
    leader_epoch: int = 0
    replica_nodes: list[int]
    isr_nodes: list[int]
    eligible_leader_replicas: list[int] | None = None
    last_known_elr: list[int] | None = None
    offline_replicas: list[int] = msgspec.field(default_factory=list)


class DescribedTopic(Message, frozen=True, kw_only=True):
    """One topic, with those of its partitions that had room, or why it cannot be described."""

    name: str
    error_code: ErrorCode = ErrorCode.NONE
    topic_id: UUID | None = None
    is_internal: bool = False
    partitions: list[DescribedTopicPartition]
    topic_authorized_operations: int = NOT_ASKED_FOR


class DescribeTopicPartitionsResponse(Message, frozen=True, kw_only=True):
    """Topics by name; ``next_cursor`` None where nothing is left to ask for."""

    topics: list[DescribedTopic]
    next_cursor: Cursor | None = None
    throttle_time_ms: int = 0


class DescribeTopicPartitionsRequest(Request[DescribeTopicPartitionsResponse], frozen=True, kw_only=True):
    """No topics asks for all; topics before ``cursor`` are passed over."""

    api_key: ClassVar[int] = 75
    topics: list[DescribeTopicPartitionsTopic]
    response_partition_limit: int = 2000
    cursor: Cursor | None = None
