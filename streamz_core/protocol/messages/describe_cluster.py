"""DescribeCluster (API key 60): the brokers, and which cluster they are.

Source: https://kafka.apache.org/protocol#The_Messages_DescribeCluster, KIP-700, KIP-919
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.request import Message, Request


class EndpointType(IntEnum):
    """Whose addresses are asked for."""

    BROKERS = 1
    CONTROLLERS = 2


class DescribeClusterBroker(Message, frozen=True, kw_only=True):
    """One broker; host '' and port -1 without a listener."""

    broker_id: int
    host: str
    port: int
    rack: str | None = None
    is_fenced: bool = False


class DescribeClusterResponse(Message, frozen=True, kw_only=True):
    """The cluster as it is now."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    endpoint_type: EndpointType | int = EndpointType.BROKERS
    cluster_id: str
    controller_id: int = -1
    brokers: list[DescribeClusterBroker]
    cluster_authorized_operations: int = NOT_ASKED_FOR
    throttle_time_ms: int = 0


class DescribeClusterRequest(Request[DescribeClusterResponse], frozen=True, kw_only=True):
    """Ask for the brokers."""

    api_key: ClassVar[int] = 60
    include_cluster_authorized_operations: bool = False
    endpoint_type: EndpointType | int = EndpointType.BROKERS
    """A number where it is none of those known."""
    include_fenced_brokers: bool = False
