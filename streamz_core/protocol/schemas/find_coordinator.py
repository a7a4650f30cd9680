"""FindCoordinator (API key 10) on the wire: one key at a time before version 4."""

from __future__ import annotations

from typing import Final

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.find_coordinator import (
    Coordinator,
    CoordinatorType,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from streamz_core.protocol.messages.request import Message
from streamz_core.protocol.schemas.form import Form
from streamz_core.protocol.schemas.one_at_a_time import OneAtATime


class RequestOnWire(Message, frozen=True, kw_only=True):
    """One key, or several."""

    key: str = ""
    key_type: CoordinatorType = CoordinatorType.GROUP
    coordinator_keys: list[str] = msgspec.field(default_factory=list)


class ResponseOnWire(Message, frozen=True, kw_only=True):
    """The coordinator of one key, or those of several."""

    throttle_time_ms: int = 0
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    node_id: int = -1
    host: str = ""
    port: int = -1
    coordinators: list[Coordinator] = msgspec.field(default_factory=list)


def request_from_wire(version: int, wire: RequestOnWire) -> FindCoordinatorRequest:
    """One key is a list of one."""
    keys = wire.coordinator_keys if version >= 4 else [wire.key]
    return FindCoordinatorRequest(key_type=wire.key_type, coordinator_keys=keys)


def request_to_wire(version: int, request: FindCoordinatorRequest) -> RequestOnWire:
    """The only key by itself; raises ``OneAtATime``."""
    keys = request.coordinator_keys
    if version >= 4:
        return RequestOnWire(key_type=request.key_type, coordinator_keys=keys)
    if len(keys) != 1:
        raise OneAtATime("FindCoordinator", version, len(keys))
    return RequestOnWire(key=keys[0], key_type=request.key_type)


def response_from_wire(version: int, wire: ResponseOnWire) -> FindCoordinatorResponse:
    """Which key it was is known to who asked."""
    coordinators = wire.coordinators
    if version < 4:
        one = Coordinator(
            key="",
            node_id=wire.node_id,
            host=wire.host,
            port=wire.port,
            error_code=wire.error_code,
            error_message=wire.error_message,
        )
        coordinators = [one]
    return FindCoordinatorResponse(coordinators=coordinators, throttle_time_ms=wire.throttle_time_ms)


def response_to_wire(version: int, response: FindCoordinatorResponse) -> ResponseOnWire:
    """The only coordinator by itself."""
    if version >= 4:
        return ResponseOnWire(throttle_time_ms=response.throttle_time_ms, coordinators=response.coordinators)
    (one,) = response.coordinators
    return ResponseOnWire(
        throttle_time_ms=response.throttle_time_ms,
        error_code=one.error_code,
        error_message=one.error_message,
        node_id=one.node_id,
        host=one.host,
        port=one.port,
    )


REQUEST: Final = Form(
    message=FindCoordinatorRequest,
    wire=RequestOnWire,
    from_wire=request_from_wire,
    to_wire=request_to_wire,
    table="""
versions 0-6, flexible 3+
key: string 0-3
key_type: int8 1+
coordinator_keys: [string] 4+
""",
)
RESPONSE: Final = Form(
    message=FindCoordinatorResponse,
    wire=ResponseOnWire,
    from_wire=response_from_wire,
    to_wire=response_to_wire,
    table="""
versions 0-6, flexible 3+
throttle_time_ms: int32 1+
error_code: int16 0-3
error_message: string? 1-3
node_id: int32 0-3
host: string 0-3
port: int32 0-3
coordinators: [] 4+
    key: string
    node_id: int32
    host: string
    port: int32
    error_code: int16
    error_message: string?
""",
)
