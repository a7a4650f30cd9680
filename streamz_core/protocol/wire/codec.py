"""Typed messages from and to bytes, for every API and version there is a table of.

Owns: the four functions that a server and a client call, and the functions made for each version, on first use.
Must not know: sockets, headers, what the messages mean.

    >>> from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
    >>> request = HeartbeatRequest(group_id="g", generation_id=3, member_id="m")
    >>> body = b"".join(encode_request(request, 4))
    >>> decode_request(12, 4, memoryview(body)) == request
    True
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from streamz_core.errors import ErrorCode, Misuse
from streamz_core.protocol.messages.api_versions import ApiVersionsResponse
from streamz_core.protocol.messages.request import Request
from streamz_core.protocol.schemas.form import Form
from streamz_core.protocol.schemas.registry import SCHEMAS
from streamz_core.protocol.wire.binding import Structure, bind
from streamz_core.protocol.wire.decoder import decoder
from streamz_core.protocol.wire.encoder import Buffer, encoder
from streamz_core.protocol.wire.malformed import MalformedMessage
from streamz_core.protocol.wire.table import Table, parse

R = TypeVar("R")

_API_VERSIONS: Final = 18
_UNSUPPORTED_VERSION: Final = int(ErrorCode.UNSUPPORTED_VERSION).to_bytes(2)


class UnknownMessage(Misuse):
    """There is no table for an API, or none that covers the version; ``versions`` has what there is."""


class NotEncodable(Misuse):
    """A message has a value that its field has no room for."""


_table: Final[Callable[[str], Table]] = cache(parse)


def versions(api_key: int) -> tuple[int, int]:
    """The oldest and the newest version of an API; raises ``UnknownMessage``."""
    if api_key not in SCHEMAS:
        raise UnknownMessage(f"no API has the key {api_key}")
    covered = _table(SCHEMAS[api_key].request.table).versions
    return covered.first, covered.last


@cache
def supported() -> Mapping[int, tuple[int, int]]:
    """Every API there is a table of, with its oldest and newest version."""
    return MappingProxyType({api_key: versions(api_key) for api_key in sorted(SCHEMAS)})


def is_flexible(api_key: int, api_version: int) -> bool:
    """Whether the version has tagged fields and compact lengths (KIP-482); raises ``UnknownMessage``."""
    versions(api_key)
    return api_version >= _table(SCHEMAS[api_key].request.table).flexible


def decode_request(api_key: int, api_version: int, body: memoryview) -> Request[Any]:
    """The request in ``body``, which is what follows the header; what is behind it is passed over.

    Records are views of ``body``. Raises ``UnknownMessage`` and ``MalformedMessage``.
    """
    return cast("Request[Any]", _request_decoder(api_key, api_version)(body))


def encode_request(request: Request[Any], api_version: int) -> list[Buffer]:
    """``request`` as buffers to be written one after the other; raises ``UnknownMessage`` and ``NotEncodable``."""
    return _written(_request_encoder(request.api_key, api_version), request)


def decode_response(api_key: int, api_version: int, body: memoryview) -> Any:
    """The response in ``body``; see ``decode_request``."""
    if api_key == _API_VERSIONS and bytes(body[:2]) == _UNSUPPORTED_VERSION:
        return _unsupported_version(body)
    return _response_decoder(api_key, api_version)(body)


def _unsupported_version(body: memoryview) -> ApiVersionsResponse:
    """Version 0 whatever was asked in, as who answers does not know that one (KIP-511).

    Not all write what comes behind the error in that form, and it is not needed to ask again.
    """
    try:
        return cast("ApiVersionsResponse", _response_decoder(_API_VERSIONS, 0)(body))
    except MalformedMessage:
        return ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=[])


def encode_response(api_key: int, api_version: int, response: Any) -> list[Buffer]:
    """``response`` as buffers; see ``encode_request``."""
    return _written(_response_encoder(api_key, api_version), response)


def _written(encode: Callable[[Any, list[Buffer]], None], message: Any) -> list[Buffer]:
    buffers: list[Buffer] = []
    try:
        encode(message, buffers)
    except struct.error as error:
        raise NotEncodable(
            f"{type(message).__name__} has a number or a length out of range: {error}"
        ) from error
    return buffers


@cache
def _request_decoder(api_key: int, api_version: int) -> Callable[[memoryview], Any]:
    return _decoder(_schema_form(api_key, "request"), api_version)


@cache
def _response_decoder(api_key: int, api_version: int) -> Callable[[memoryview], Any]:
    return _decoder(_schema_form(api_key, "response"), api_version)


@cache
def _request_encoder(api_key: int, api_version: int) -> Callable[[Any, list[Buffer]], None]:
    return _encoder(_schema_form(api_key, "request"), api_version)


@cache
def _response_encoder(api_key: int, api_version: int) -> Callable[[Any, list[Buffer]], None]:
    return _encoder(_schema_form(api_key, "response"), api_version)


def _schema_form(api_key: int, side: str) -> Form:
    versions(api_key)
    return cast("Form", getattr(SCHEMAS[api_key], side))


def _decoder(form: Form, version: int) -> Callable[[memoryview], Any]:
    structure, flexible, called = bound(form, version)
    decode = decoder(structure, flexible, called)
    adapt = form.from_wire
    return decode if adapt is None else lambda body: adapt(version, decode(body))


def _encoder(form: Form, version: int) -> Callable[[Any, list[Buffer]], None]:
    structure, flexible, called = bound(form, version)
    encode = encoder(structure, flexible, called)
    adapt = form.to_wire
    return encode if adapt is None else lambda message, out: encode(adapt(version, message), out)


def bound(form: Form, version: int) -> tuple[Structure, bool, str]:
    """The form in one version, and how errors call it."""
    table = _table(form.table)
    called = f"{form.message.__name__} v{version}"
    if version not in table.versions:
        raise UnknownMessage(f"no {called}: there are {table.versions.first} to {table.versions.last}")
    structure = bind(table.rows, form.wire_class, version)
    return structure, version >= table.flexible, called
