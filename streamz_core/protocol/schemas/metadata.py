"""Metadata (API key 3) on the wire."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
)
from streamz_core.protocol.schemas.form import Form


def request_from_wire(version: int, request: MetadataRequest) -> MetadataRequest:
    """No topics meant all topics before there was null."""
    return replace(request, topics=None) if version == 0 and not request.topics else request


REQUEST: Final = Form(
    message=MetadataRequest,
    from_wire=request_from_wire,
    table="""
versions 0-13, flexible 9+
topics: []?1+
    topic_id: uuid 10+
    name: string?10+
allow_auto_topic_creation: bool 4+ = true
include_cluster_authorized_operations: bool 8-10
include_topic_authorized_operations: bool 8+
""",
)
RESPONSE: Final = Form(
    message=MetadataResponse,
    table="""
versions 0-13, flexible 9+
throttle_time_ms: int32 3+
brokers: []
    node_id: int32
    host: string
    port: int32
    rack: string? 1+ = null
cluster_id: string? 2+ = null
controller_id: int32 1+ = -1
topics: []
    error_code: int16
    name: string?12+
    topic_id: uuid 10+
    is_internal: bool 1+
    partitions: []
        error_code: int16
        partition_index: int32
        leader_id: int32
        leader_epoch: int32 7+ = -1
        replica_nodes: [int32]
        isr_nodes: [int32]
        offline_replicas: [int32] 5+
    topic_authorized_operations: int32 8+ = -2147483648
cluster_authorized_operations: int32 8-10 = -2147483648
error_code: int16 13+
""",
)
