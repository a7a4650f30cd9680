"""Produce (API key 0): append record batches to partitions.

Source: https://kafka.apache.org/protocol#The_Messages_Produce
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.encoded_batches import EncodedBatches
from streamz_core.protocol.messages.request import Message, Request
from streamz_core.protocol.messages.transaction_version import TransactionVersion


class PartitionProduceData(Message, frozen=True, kw_only=True):
    """Record batches, whole and concatenated, for one partition.

    In a ``bytearray`` the broker may write the batches' offsets where they stand, as often as it is sent.
    ``EncodedBatches`` are what a producer of this process has framed; a wire has them ``joined``.
    """

    index: int
    records: bytes | bytearray | memoryview | EncodedBatches


class TopicProduceData(Message, frozen=True, kw_only=True):
    """The partitions that are produced to of one topic: by its id where one is given, else by its name."""

    name: str = ""
    topic_id: UUID | None = None
    partition_data: list[PartitionProduceData]


class BatchIndexAndErrorMessage(Message, frozen=True, kw_only=True):
    """A record that is to blame for the refusal of all (KIP-467)."""

    batch_index: int
    """Its place among those that were sent for the partition."""
    batch_index_error_message: str | None = None


class PartitionProduceResponse(Message, frozen=True, kw_only=True):
    """Where the first record went, or why nothing was appended."""

    index: int
    error_code: ErrorCode = ErrorCode.NONE
    base_offset: int = -1
    log_append_time_ms: int = -1
    log_start_offset: int = -1
    record_errors: Sequence[BatchIndexAndErrorMessage] = ()
    error_message: str | None = None


class TopicProduceResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic, named as it was asked for."""

    name: str = ""
    topic_id: UUID | None = None
    partition_responses: list[PartitionProduceResponse]


class ProduceResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for."""

    responses: list[TopicProduceResponse]
    throttle_time_ms: int = 0


class ProduceRequest(Request[ProduceResponse], frozen=True, kw_only=True):
    """Append batches. ``acks``: -1 durable, 1 written, 0 no promise (see ``docs/contract.md``).

    With a ``transactional_id`` the broker adds each partition to the transaction itself (KIP-890), or, for a
    client of ``TransactionVersion.V1``, sees to it that the client has added it.
    """

    api_key: ClassVar[int] = 0
    transactional_id: str | None = None
    acks: int = -1
    timeout_ms: int = 30_000
    topic_data: list[TopicProduceData]
    transaction_version: TransactionVersion = TransactionVersion.V2
    """Not on the wire: it follows from the request's version, as in the other transactional requests."""
