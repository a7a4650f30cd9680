"""DescribeLogDirs (API key 35): how much disk the partitions take.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeLogDirs, KIP-113, KIP-827
"""

from __future__ import annotations

from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class DescribableLogDirTopic(Message, frozen=True, kw_only=True):
    """The partitions of one topic that are asked about."""

    topic: str
    partitions: list[int]


class DescribeLogDirsPartition(Message, frozen=True, kw_only=True):
    """One partition's log; ``partition_size`` is the bytes of its segments."""

    partition_index: int
    partition_size: int
    offset_lag: int = 0
    is_future_key: bool = False


class DescribeLogDirsTopic(Message, frozen=True, kw_only=True):
    """Those of a topic's partitions that are in the directory."""

    name: str
    partitions: list[DescribeLogDirsPartition]


class DescribeLogDirsResult(Message, frozen=True, kw_only=True):
    """One directory; the sizes are those of its volume in bytes, -1 where they are not known."""

    error_code: ErrorCode = ErrorCode.NONE
    log_dir: str
    topics: list[DescribeLogDirsTopic]
    total_bytes: int = -1
    usable_bytes: int = -1


class DescribeLogDirsResponse(Message, frozen=True, kw_only=True):
    """One result per directory."""

    error_code: ErrorCode = ErrorCode.NONE
    results: list[DescribeLogDirsResult]
    throttle_time_ms: int = 0


class DescribeLogDirsRequest(Request[DescribeLogDirsResponse], frozen=True, kw_only=True):
    """``topics`` None asks for all; what is not there is not in the answer."""

    api_key: ClassVar[int] = 35
    topics: list[DescribableLogDirTopic] | None = None
