"""CreatePartitions (API key 37): more partitions for a topic, never fewer.

Source: https://kafka.apache.org/protocol#The_Messages_CreatePartitions
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class CreatePartitionsTopic(Message, frozen=True, kw_only=True):
    """The topic and how many partitions it shall have in all.

    ``assignments`` names the brokers of each new partition; None leaves them to the broker.
    """

    name: str
    count: int
    assignments: list[list[int]] | None = None


class CreatePartitionsTopicResult(Message, frozen=True, kw_only=True):
    """What became of one topic."""

    name: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None


class CreatePartitionsResponse(Message, frozen=True, kw_only=True):
    """One result per topic asked for."""

    results: list[CreatePartitionsTopicResult]
    throttle_time_ms: int = 0


class CreatePartitionsRequest(Request[CreatePartitionsResponse], frozen=True, kw_only=True):
    """Add partitions to topics."""

    api_key: ClassVar[int] = 37
    topics: list[CreatePartitionsTopic]
    timeout_ms: int = 60_000
    validate_only: bool = False
