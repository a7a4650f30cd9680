"""Fetch (API key 1): read record batches from partitions, waiting for data if there is none.

Source: https://kafka.apache.org/protocol#The_Messages_Fetch and KIP-227
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final
from uuid import UUID

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request

NO_SESSION: Final = 0
INITIAL_EPOCH: Final = 0
"""A full fetch that begins a session (KIP-227)."""
FINAL_EPOCH: Final = -1
"""A full fetch that ends its session, if it has one."""


class IsolationLevel(IntEnum):
    """Which records a reader is shown."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


class FetchPartition(Message, frozen=True, kw_only=True):
    """From where and how much to read of one partition."""

    partition: int
    fetch_offset: int
    partition_max_bytes: int = 1_048_576
    current_leader_epoch: int = -1


class FetchTopic(Message, frozen=True, kw_only=True):
    """The partitions to read of one topic: by its id where one is given (KIP-516), else by its name."""

    topic: str = ""
    topic_id: UUID | None = None
    partitions: list[FetchPartition]


class ForgottenTopic(Message, frozen=True, kw_only=True):
    """Partitions that leave the session; named as in ``FetchTopic``."""

    topic: str = ""
    topic_id: UUID | None = None
    partitions: list[int]


class AbortedTransaction(Message, frozen=True, kw_only=True):
    """Records of this producer from ``first_offset`` to its abort marker are not to be shown."""

    producer_id: int
    first_offset: int


class FetchPartitionResponse(Message, frozen=True, kw_only=True):
    """Batches as they stand on disk: whole ones, the first may begin before the offset asked for.

    ``aborted_transactions`` is ``None`` for READ_UNCOMMITTED. ``error_message`` says what the code
    cannot (which offsets are damaged, in which file); the protocol has no field for it, so it is lost on
    the wire.
    """

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    high_watermark: int = -1
    last_stable_offset: int = -1
    log_start_offset: int = -1
    aborted_transactions: list[AbortedTransaction] | None = None
    records: bytes | bytearray | memoryview = b""


class FetchTopicResponse(Message, frozen=True, kw_only=True):
    """The answers for one topic, named as it was asked for."""

    topic: str = ""
    topic_id: UUID | None = None
    partitions: list[FetchPartitionResponse]


class FetchResponse(Message, frozen=True, kw_only=True):
    """One answer per topic and partition asked for, in the order asked; in a session, of those with news."""

    responses: list[FetchTopicResponse]
    error_code: ErrorCode = ErrorCode.NONE
    session_id: int = NO_SESSION
    throttle_time_ms: int = 0


class FetchRequest(Request[FetchResponse], frozen=True, kw_only=True):
    """Answered once ``min_bytes`` are there, ``max_wait_ms`` have passed, or a partition errs."""

    api_key: ClassVar[int] = 1
    max_wait_ms: int = 500
    min_bytes: int = 1
    max_bytes: int = 52_428_800
    isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    session_id: int = NO_SESSION
    session_epoch: int = FINAL_EPOCH
    topics: list[FetchTopic]
    forgotten_topics_data: list[ForgottenTopic] = msgspec.field(default_factory=list)
    rack_id: str = ""
