"""WriteTxnMarkers (API key 27): end a transaction in partitions where nobody else will.

In Kafka coordinators send it to partition leaders; here, with one broker, only an administrator does, to
abort what hangs (KIP-664).

Source: https://kafka.apache.org/protocol#The_Messages_WriteTxnMarkers, KIP-98, KIP-664
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class WritableTxnMarkerTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic in which the transaction is to end."""

    name: str
    partition_indexes: list[int]


class WritableTxnMarker(Message, frozen=True, kw_only=True):
    """How a producer's transaction ends."""

    producer_id: int
    producer_epoch: int
    transaction_result: bool
    """Whether it is committed."""
    topics: list[WritableTxnMarkerTopic]
    coordinator_epoch: int = 0


class WritableTxnMarkerPartitionResult(Message, frozen=True, kw_only=True):
    """Whether the marker is in one partition, durably."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE


class WritableTxnMarkerTopicResult(Message, frozen=True, kw_only=True):
    """The answers for one topic."""

    name: str
    partitions: list[WritableTxnMarkerPartitionResult]


class WritableTxnMarkerResult(Message, frozen=True, kw_only=True):
    """The answers for one producer."""

    producer_id: int
    topics: list[WritableTxnMarkerTopicResult]


class WriteTxnMarkersResponse(Message, frozen=True, kw_only=True):
    """One answer per marker and partition."""

    markers: list[WritableTxnMarkerResult]


class WriteTxnMarkersRequest(Request[WriteTxnMarkersResponse], frozen=True, kw_only=True):
    """Only aborts of hanging transactions are carried out; see ``broker.handlers.write_txn_markers``."""

    api_key: ClassVar[int] = 27
    markers: list[WritableTxnMarker]
