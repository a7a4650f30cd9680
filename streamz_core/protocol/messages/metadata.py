"""Metadata (API key 3): which topics and partitions there are.

Source: https://kafka.apache.org/protocol#The_Messages_Metadata
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request


class MetadataBroker(Message, frozen=True, kw_only=True):
    """A broker; the embedded engine answers one, node 0, host '' and port -1 without a listener."""

    node_id: int
    host: str
    port: int
    rack: str | None = None


class MetadataPartition(Message, frozen=True, kw_only=True):
    """One partition and who leads it."""

    partition_index: int
    error_code: ErrorCode = ErrorCode.NONE
    leader_id: int = 0
    leader_epoch: int = 0
    replica_nodes: list[int]
    isr_nodes: list[int]


class MetadataTopic(Message, frozen=True, kw_only=True):
    """One topic, or why it cannot be described."""

    name: str
    error_code: ErrorCode = ErrorCode.NONE
    topic_id: UUID | None = None
    is_internal: bool = False
    partitions: list[MetadataPartition]


class MetadataResponse(Message, frozen=True, kw_only=True):
    """The cluster as it is now."""

    brokers: list[MetadataBroker]
    cluster_id: str
    controller_id: int = 0
    topics: list[MetadataTopic]
    throttle_time_ms: int = 0


class MetadataRequest(Request[MetadataResponse], frozen=True, kw_only=True):
    """``topics`` None asks for all. Unknown ones are created if both sides allow it."""

    api_key: ClassVar[int] = 3
    topics: list[str] | None = None
    allow_auto_topic_creation: bool = True
