"""Metadata (API key 3): which topics and partitions there are.

Source: https://kafka.apache.org/protocol#The_Messages_Metadata
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.request import Message, Request

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    offline_replicas: list[int] = msgspec.field(default_factory=list)


class MetadataTopic(Message, frozen=True, kw_only=True):
    """One topic, or why it cannot be described.

    Without a name (null on the wire) where it was asked for by an id that is not known.
    """

    name: str = ""
    error_code: ErrorCode = ErrorCode.NONE
    topic_id: UUID | None = None
    is_internal: bool = False
    partitions: list[MetadataPartition]
    topic_authorized_operations: int = NOT_ASKED_FOR


class MetadataResponse(Message, frozen=True, kw_only=True):
    """The cluster as it is now; its own error code is for what concerns no single topic."""

    brokers: list[MetadataBroker]
    cluster_id: str
    controller_id: int = 0
    topics: list[MetadataTopic]
    cluster_authorized_operations: int = NOT_ASKED_FOR
    error_code: ErrorCode = ErrorCode.NONE
    throttle_time_ms: int = 0


class MetadataRequestTopic(Message, frozen=True, kw_only=True):
    """A topic by its id where one is given, else by its name."""

    name: str = ""
    topic_id: UUID | None = None


class MetadataRequest(Request[MetadataResponse], frozen=True, kw_only=True):
    """``topics`` None asks for all. Unknown ones are created if both sides allow it."""

    api_key: ClassVar[int] = 3
    topics: list[MetadataRequestTopic] | None = None
    allow_auto_topic_creation: bool = True
    include_cluster_authorized_operations: bool = False
    include_topic_authorized_operations: bool = False


def named(names: Iterable[str]) -> list[MetadataRequestTopic]:
    """Topics asked for by name."""
    return [MetadataRequestTopic(name=name) for name in names]
