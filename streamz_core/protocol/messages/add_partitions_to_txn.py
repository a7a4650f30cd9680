"""AddPartitionsToTxn (API key 24): announce partitions before they are written to.

Only clients of ``TransactionVersion.V1`` send it. One transaction a request, as clients do (version 3 and
below); later versions are for brokers among themselves.

Source: https://kafka.apache.org/protocol#The_Messages_AddPartitionsToTxn, KIP-98
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class AddPartitionsToTxnTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that the transaction will write to."""

    name: str
    partitions: list[int]


class AddPartitionsToTxnPartitionResult(Message, frozen=True, kw_only=True):
    """Whether one partition is in the transaction now."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE


class AddPartitionsToTxnTopicResult(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    results: list[AddPartitionsToTxnPartitionResult]


class AddPartitionsToTxnResponse(Message, frozen=True, kw_only=True):
    """All partitions are added, or none: then those that could be have OPERATION_NOT_ATTEMPTED."""

    results: list[AddPartitionsToTxnTopicResult]
    throttle_time_ms: int = 0


class AddPartitionsToTxnRequest(Request[AddPartitionsToTxnResponse], frozen=True, kw_only=True):
    """Answered when a crash cannot make the broker forget it."""

    api_key: ClassVar[int] = 24
    transactional_id: str
    producer_id: int
    producer_epoch: int
    topics: list[AddPartitionsToTxnTopic]
