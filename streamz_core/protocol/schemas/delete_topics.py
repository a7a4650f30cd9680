"""DeleteTopics (API key 20) on the wire: names alone before version 6."""

from __future__ import annotations

from typing import Final

import msgspec

from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from streamz_core.protocol.messages.request import Message
from streamz_core.protocol.schemas.form import Form


class RequestOnWire(Message, frozen=True, kw_only=True):
    """Names, or names and ids."""

    topics: list[DeleteTopicState] = msgspec.field(default_factory=list)
    topic_names: list[str] = msgspec.field(default_factory=list)
    timeout_ms: int


def request_from_wire(version: int, wire: RequestOnWire) -> DeleteTopicsRequest:
    """A name is a topic without an id."""
    topics = wire.topics if version >= 6 else [DeleteTopicState(name=name) for name in wire.topic_names]
    return DeleteTopicsRequest(topics=topics, timeout_ms=wire.timeout_ms)


def request_to_wire(version: int, request: DeleteTopicsRequest) -> RequestOnWire:
    """Topics by name, where there is no room for ids."""
    if version >= 6:
        return RequestOnWire(topics=request.topics, timeout_ms=request.timeout_ms)
    return RequestOnWire(topic_names=[topic.name for topic in request.topics], timeout_ms=request.timeout_ms)


REQUEST: Final = Form(
    message=DeleteTopicsRequest,
    wire=RequestOnWire,
    from_wire=request_from_wire,
    to_wire=request_to_wire,
    table="""
versions 1-6, flexible 4+
topics: [] 6+
    name: string? = null
    topic_id: uuid
topic_names: [string] 1-5
timeout_ms: int32
""",
)
RESPONSE: Final = Form(
    message=DeleteTopicsResponse,
    table="""
versions 1-6, flexible 4+
throttle_time_ms: int32
responses: []
    name: string?6+
    topic_id: uuid 6+
    error_code: int16
    error_message: string? 5+ = null
""",
)
