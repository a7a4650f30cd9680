"""DescribeProducers (API key 61): what partitions remember of their producers.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeProducers, KIP-664
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class DescribeProducersTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are asked about."""

    name: str
    partition_indexes: list[int]


class ProducerState(Message, frozen=True, kw_only=True):
    """One producer id in one partition; times are wall-clock milliseconds."""

    producer_id: int
    producer_epoch: int
    last_sequence: int = -1
    last_timestamp: int = -1
    """The latest timestamp of its last batch, or that of its last marker."""
    coordinator_epoch: int = -1
    """That of the last marker, -1 if it never ended a transaction here."""
    current_txn_start_offset: int = -1
    """Where its open transaction begins, -1 if it has none."""


class DescribeProducersPartition(Message, frozen=True, kw_only=True):
    """The producers of one partition, by producer id."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    active_producers: Sequence[ProducerState] = ()


class DescribeProducersTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[DescribeProducersPartition]


class DescribeProducersResponse(Message, frozen=True, kw_only=True):
    """One answer per partition asked for."""

    topics: list[DescribeProducersTopicResponse]
    throttle_time_ms: int = 0


class DescribeProducersRequest(Request[DescribeProducersResponse], frozen=True, kw_only=True):
    """Producers that were silent for ``producer_id_expiration_ms`` are not among them."""

    api_key: ClassVar[int] = 61
    topics: list[DescribeProducersTopic]
