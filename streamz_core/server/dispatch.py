"""From the bytes of a request to the bytes of its answer.

Owns: ``Dispatcher``: decode, put in what only the connection knows, have what is permitted carried out, encode.
Must not know: sockets, how requests are carried out, what is permitted.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from streamz_core.broker.registry import API_KEYS, HANDLERS
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.fetch import FetchRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.protocol.wire import codec, headers
from streamz_core.protocol.wire.malformed import MalformedMessage
from streamz_core.server import memberships
from streamz_core.server.api_versions import api_versions, stable, unsupported_version
from streamz_core.server.call import Call, ConnectionEnded
from streamz_core.server.quotas import mutations

if TYPE_CHECKING:
    from streamz_core.protocol.messages.api_versions import ApiVersionsResponse
    from streamz_core.protocol.messages.produce import ProduceResponse
    from streamz_core.protocol.messages.request import Request
    from streamz_core.protocol.wire.headers import RequestHeader
    from streamz_core.server.in_flight import InFlightBytes
    from streamz_core.server.limits import Limits
    from streamz_core.server.outlet import Buffer
    from streamz_core.server.quotas.throttle import Throttle
    from streamz_core.server.security.door import Door
    from streamz_core.server.session import Session

R = TypeVar("R")

ANSWERED_HERE: Final = frozenset(
    {ApiVersionsRequest.api_key, SaslHandshakeRequest.api_key, SaslAuthenticateRequest.api_key}
)
"""What needs no broker, and no admission."""

_LENGTH: Final = struct.Struct(">i")
_ABOUT_THE_PEER: Final = frozenset(
    request for request in HANDLERS if {"client_id", "client_host"} <= set(request.__struct_fields__)
)
"""Requests that say who sent them; a connection knows better."""


class Handling(Protocol):
    """Whoever carries requests out: the broker."""

    async def handle(self, request: Request[R]) -> R:
        """The answer, error codes included."""


class Dispatcher:
    """Answers the requests of all connections; see ``call.Answering``."""

    def __init__(
        self, broker: Handling, limits: Limits, in_flight: InFlightBytes, door: Door, throttle: Throttle
    ) -> None:
        self._broker = broker
        self._door = door
        self._limits = limits
        self._in_flight = in_flight
        self._throttle = throttle
        self._spoken = stable(codec.supported())
        self._answered = API_KEYS | ANSWERED_HERE
        self._api_versions = api_versions(self._answered, self._spoken)

    def begin(self, session: Session, certificate: dict[str, Any] | None) -> None:
        """A connection stands."""
        door = self._door
        is_local = session.is_local
        session.begin(door.local() if is_local else door.authenticator(session.address, certificate))

    def read(self, session: Session, frame: bytearray) -> Call:
        """Decode a request; raises ``ConnectionEnded``."""
        view = memoryview(frame)
        try:
            header, position = headers.read_request_header(view)
            session.client_id = header.client_id or ""
            # By its key alone: what a stranger may not ask is not even decoded.
            if session.authenticator is None or not session.authenticator.admits(header.api_key):
                raise ConnectionEnded(f"API {header.api_key} was asked for before authentication")
            if not self._is_spoken(header):
                return self._not_spoken(session, header)
            request = codec.decode_request(header.api_key, header.api_version, view[position:])
        except MalformedMessage as malformed:
            raise ConnectionEnded(str(malformed)) from malformed
        if self._throttle.is_on and isinstance(request, ProduceRequest) and not session.is_local:
            # Counted as it comes, and not when it is answered: the next one is not to begin meanwhile.
            self._throttle.produced(session, len(frame))
        return self._call(session, header, request)

    async def answer(self, call: Call) -> list[Buffer] | None:
        """The frame to send, None where the request wants no answer; raises ``ConnectionEnded``."""
        if isinstance(call.request, ApiVersionsRequest):
            return self._encoded(call.header, self._answer_versions(call.header))
        if isinstance(call.request, SaslHandshakeRequest | SaslAuthenticateRequest):
            return self._encoded(call.header, await _authenticated(call.session, call.request))
        session = call.session
        if session.is_local:
            # A local peer may do what it may do with the files.
            response = await self._broker.handle(call.request)
            memberships.note(session, call.request, response)
            return self._framed(call, response)
        if not self._throttle.is_on:
            return self._framed(call, await self._guarded(session, call.request))
        return self._throttled(call, await self._throttle.timed(session, self._within_quotas(call)))

    async def unmuted(self, session: Session) -> None:
        """Return when what the peer asks may be answered again."""
        await self._throttle.unmuted(session)

    async def _guarded(self, session: Session, request: Request[R]) -> R:
        """Have carried out what of ``request`` the peer may ask."""
        split = self._door.authorizer.guard(session.principal, session.address, request)
        answer: R = split.finish(None if split.request is None else await self._broker.handle(split.request))
        return answer

    async def _within_quotas(self, call: Call) -> Any:
        """The same, for what may be made and removed of partitions now."""
        session = call.session
        guard = self._door.authorizer.guard(session.principal, session.address, call.request)
        if guard.request is None or not self._throttle.counts_mutations:
            return guard.finish(None if guard.request is None else await self._broker.handle(guard.request))
        version = call.header.api_version
        now = mutations.split(self._throttle, self._door.served, session, version, guard.request)
        return guard.finish(now.finish(await self._broker.handle(now.request)))

    def _framed(self, call: Call, response: Any) -> list[Buffer] | None:
        if isinstance(call.request, ProduceRequest) and call.request.acks == 0:
            _refuse_silently(response)
            return None
        return self._encoded(call.header, response)

    def _throttled(self, call: Call, response: Any) -> list[Buffer] | None:
        """The frame, which says how long its peer is to be quiet where that has used too much."""
        frame = self._framed(call, response)
        if frame is None:
            return None
        if isinstance(call.request, FetchRequest):
            self._throttle.fetched(call.session, sum(map(len, frame)))
        wait_ms = self._throttle.remaining_ms(call.session)
        if not wait_ms or "throttle_time_ms" not in response.__struct_fields__:
            return frame
        return self._encoded(call.header, msgspec.structs.replace(response, throttle_time_ms=wait_ms))

    def _is_spoken(self, header: RequestHeader) -> bool:
        if header.api_key not in self._answered or header.api_key not in self._spoken:
            return False
        lowest, highest = self._spoken[header.api_key]
        return lowest <= header.api_version <= highest

    def _not_spoken(self, session: Session, header: RequestHeader) -> Call:
        """Only ApiVersions has an answer that says so; every other answer needs a version to be said in."""
        if header.api_key != ApiVersionsRequest.api_key:
            raise ConnectionEnded(f"version {header.api_version} of API {header.api_key} is not served")
        return Call(ApiVersionsRequest(), header, session)

    def _answer_versions(self, header: RequestHeader) -> ApiVersionsResponse:
        return self._api_versions if self._is_spoken(header) else unsupported_version(self._spoken)

    def _call(self, session: Session, header: RequestHeader, request: Request[Any]) -> Call:
        if isinstance(request, ProduceRequest):
            # A transaction may have to be asked about first: then a later produce could come before this one.
            may_overlap = request.acks == -1 and not request.transactional_id
            return Call(request, header, session, may_overlap=may_overlap)
        if isinstance(request, FetchRequest):
            return Call(self._bounded(session, request), header, session, is_wait=True)
        if isinstance(request, HeartbeatRequest):
            return Call(request, header, session, is_wait=True)
        if type(request) in _ABOUT_THE_PEER:
            request = msgspec.structs.replace(
                request, client_id=session.client_id, client_host=session.client_host
            )
        elif isinstance(request, ApiVersionsRequest):
            session.client_software = f"{request.client_software_name} {request.client_software_version}"
        return Call(request, header, session)

    def _bounded(self, session: Session, request: FetchRequest) -> FetchRequest:
        limits = self._limits
        most = limits.answer_bytes_full if self._in_flight.is_full else limits.answer_bytes_max
        if self._throttle.is_on and not session.is_local:
            most = min(most, self._throttle.fetch_bytes_max(session) or most)
        return request if request.max_bytes <= most else msgspec.structs.replace(request, max_bytes=most)

    def _encoded(self, header: RequestHeader, response: Any) -> list[Buffer]:
        version = header.api_version if self._is_spoken(header) else 0
        head = headers.write_response_header(header.api_key, version, header.correlation_id)
        body = codec.encode_response(header.api_key, version, response)
        size = len(head) + sum(map(len, body))
        return [_LENGTH.pack(size) + head, *body]


async def _authenticated(session: Session, request: SaslHandshakeRequest | SaslAuthenticateRequest) -> Any:
    """A step towards knowing who the peer is."""
    authenticator = session.authenticator
    assert authenticator is not None
    if isinstance(request, SaslHandshakeRequest):
        return await authenticator.handshake(request)
    response = await authenticator.authenticate(request)
    session.is_admitted = not authenticator.is_stranger
    return response


def _refuse_silently(response: ProduceResponse) -> None:
    """Where no answer is wanted, a closed connection is all that tells of an error (as in Kafka)."""
    for topic in response.responses:
        for part in topic.partition_responses:
            if part.error_code is not ErrorCode.NONE:
                where = f"{topic.name}-{part.index}"
                raise ConnectionEnded(f"{where}: {part.error_code.name} of a produce that wants no answer")
