"""OffsetFetch (API key 9) on the wire: one group at a time before version 8."""

from __future__ import annotations

from typing import Final

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchGroupResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    OffsetFetchTopic,
    OffsetFetchTopicResponse,
)
from streamz_core.protocol.messages.request import Message
from streamz_core.protocol.schemas.form import Form
from streamz_core.protocol.schemas.one_at_a_time import OneAtATime


class RequestOnWire(Message, frozen=True, kw_only=True):
    """One group, or several."""

    group_id: str = ""
    topics: list[OffsetFetchTopic] | None = None
    groups: list[OffsetFetchGroup] = msgspec.field(default_factory=list)
    require_stable: bool = False


class ResponseOnWire(Message, frozen=True, kw_only=True):
    """The offsets of one group, or those of several."""

    throttle_time_ms: int = 0
    topics: list[OffsetFetchTopicResponse] = msgspec.field(default_factory=list)
    error_code: ErrorCode = ErrorCode.NONE
    groups: list[OffsetFetchGroupResponse] = msgspec.field(default_factory=list)


def request_from_wire(version: int, wire: RequestOnWire) -> OffsetFetchRequest:
    """One group is a list of one."""
    groups = wire.groups if version >= 8 else [OffsetFetchGroup(group_id=wire.group_id, topics=wire.topics)]
    return OffsetFetchRequest(groups=groups, require_stable=wire.require_stable)


def request_to_wire(version: int, request: OffsetFetchRequest) -> RequestOnWire:
    """The only group by itself; raises ``OneAtATime``."""
    if version >= 8:
        return RequestOnWire(groups=request.groups, require_stable=request.require_stable)
    if len(request.groups) != 1:
        raise OneAtATime("OffsetFetch", version, len(request.groups))
    group = request.groups[0]
    return RequestOnWire(group_id=group.group_id, topics=group.topics, require_stable=request.require_stable)


def response_from_wire(version: int, wire: ResponseOnWire) -> OffsetFetchResponse:
    """Which group it was is known to who asked."""
    groups = wire.groups
    if version < 8:
        groups = [OffsetFetchGroupResponse(group_id="", topics=wire.topics, error_code=wire.error_code)]
    return OffsetFetchResponse(groups=groups, throttle_time_ms=wire.throttle_time_ms)


def response_to_wire(version: int, response: OffsetFetchResponse) -> ResponseOnWire:
    """The only group by itself."""
    if version >= 8:
        return ResponseOnWire(throttle_time_ms=response.throttle_time_ms, groups=response.groups)
    (group,) = response.groups
    return ResponseOnWire(
        throttle_time_ms=response.throttle_time_ms, topics=group.topics, error_code=group.error_code
    )


REQUEST: Final = Form(
    message=OffsetFetchRequest,
    wire=RequestOnWire,
    from_wire=request_from_wire,
    to_wire=request_to_wire,
    table="""
versions 1-10, flexible 6+
group_id: string 1-7
topics: []?2+ 1-7
    name: string
    topic_id: -
    partition_indexes: [int32]
groups: [] 8+
    group_id: string
    member_id: string? 9+ = null
    member_epoch: int32 9+ = -1
    topics: []?
        name: string 8-9
        topic_id: uuid 10+
        partition_indexes: [int32]
require_stable: bool 7+
""",
)
RESPONSE: Final = Form(
    message=OffsetFetchResponse,
    wire=ResponseOnWire,
    from_wire=response_from_wire,
    to_wire=response_to_wire,
    table="""
versions 1-10, flexible 6+
throttle_time_ms: int32 3+
topics: [] 1-7
    name: string
    topic_id: -
    partitions: []
        partition_index: int32
        committed_offset: int64
        committed_leader_epoch: int32 5+ = -1
        metadata: string?
        error_code: int16
error_code: int16 2-7
groups: [] 8+
    group_id: string
    topics: []
        name: string 8-9
        topic_id: uuid 10+
        partitions: []
            partition_index: int32
            committed_offset: int64
            committed_leader_epoch: int32 = -1
            metadata: string?
            error_code: int16
    error_code: int16
""",
)
