"""What stands in front of every request and response.

Owns: the headers, and which of their versions an API's version has.
Must not know: frames (the four bytes of length before a header), what follows a header.

Version 1 of a request's header has key, version, correlation id and client id, version 2 tagged fields behind
them; the client id is never compact. Version 0 of a response's header is the correlation id, version 1 has
tagged fields as well; an ApiVersions response has version 0 always, since its reader does not know yet what the
server speaks (KIP-511).
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from streamz_core.protocol.wire.codec import is_flexible, supported, versions
from streamz_core.protocol.wire.malformed import MalformedMessage
from streamz_core.protocol.wire.varints import read_uvarint, skip_tagged_fields

API_VERSIONS: Final = 18
_FIXED: Final = struct.Struct(">hhih")
_CORRELATION: Final = struct.Struct(">i")
_CALLED: Final = "request header"


class RequestHeader(msgspec.Struct, frozen=True):
    """Whose request it is and what is in it."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None = None


def read_request_header(frame: memoryview) -> tuple[RequestHeader, int]:
    """The header at the start of ``frame``, and where the body begins.

    An API or a version nobody has a table of has a header all the same, so that it can be answered: it is read
    without tagged fields, and the body is anybody's guess. Raises ``MalformedMessage``.
    """
    try:
        api_key, api_version, correlation_id, length = _FIXED.unpack_from(frame)
        position = _FIXED.size + max(length, 0)
        if length < -1 or position > len(frame):
            raise MalformedMessage(_CALLED, _FIXED.size, "the client id goes beyond the end")
        client_id = None if length < 0 else str(frame[_FIXED.size : position], "utf-8")
        header = RequestHeader(api_key, api_version, correlation_id, client_id)
        if _has_tags(api_key, api_version):
            count, position = read_uvarint(frame, position)
            position = skip_tagged_fields(frame, position, count)
    except (IndexError, struct.error) as error:
        raise MalformedMessage(_CALLED, len(frame), "it ends before its last field") from error
    except ValueError as error:
        raise MalformedMessage(_CALLED, -1, str(error)) from error
    return header, position


def write_request_header(header: RequestHeader) -> bytes:
    """The header's bytes; raises ``UnknownMessage``."""
    client_id = None if header.client_id is None else header.client_id.encode()
    length = -1 if client_id is None else len(client_id)
    fixed = _FIXED.pack(header.api_key, header.api_version, header.correlation_id, length)
    tags = b"\0" if is_flexible(header.api_key, header.api_version) else b""
    return fixed + (client_id or b"") + tags


def read_response_header(api_key: int, api_version: int, frame: memoryview) -> tuple[int, int]:
    """The correlation id, and where the body begins; raises ``MalformedMessage``."""
    try:
        (correlation_id,) = _CORRELATION.unpack_from(frame)
        position = _CORRELATION.size
        if api_key != API_VERSIONS and is_flexible(api_key, api_version):
            count, position = read_uvarint(frame, position)
            position = skip_tagged_fields(frame, position, count)
    except (IndexError, struct.error, ValueError) as error:
        raise MalformedMessage("response header", len(frame), "it ends before its last field") from error
    return correlation_id, position


def write_response_header(api_key: int, api_version: int, correlation_id: int) -> bytes:
    """The header's bytes; raises ``UnknownMessage``."""
    tags = b"\0" if api_key != API_VERSIONS and is_flexible(api_key, api_version) else b""
    return _CORRELATION.pack(correlation_id) + tags


def _has_tags(api_key: int, api_version: int) -> bool:
    if api_key not in supported():
        return False
    first, last = versions(api_key)
    return first <= api_version <= last and is_flexible(api_key, api_version)
