"""Owns: the promise that a peer who has not proved who it is is answered nothing but how to do so.

Every sequence of up to five requests that leaves the connection open is followed, and at each of its points every API
is asked for, in its oldest and its newest version, as bytes. The peer knows everything but a password: mechanisms,
names of users, the form of every message.
"""

import asyncio
import copy
import itertools
import struct
from dataclasses import dataclass

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol import scram
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.protocol.wire import codec, headers
from streamz_core.secret import Secret
from streamz_core.server.call import ConnectionEnded
from streamz_core.server.dispatch import Dispatcher
from streamz_core.server.in_flight import InFlightBytes
from streamz_core.server.limits import Limits
from streamz_core.server.quotas.throttle import Throttle
from streamz_core.server.security.authenticator import FAILURE_DELAY_MS
from streamz_core.server.security.door import Door
from streamz_core.server.security.jwt_validator import TokenRules
from streamz_core.server.security.sasl_state import SaslState
from streamz_core.server.security.security_config import MECHANISMS, OauthConfig, SecurityConfig
from streamz_core.server.security.tls import TlsConfig
from streamz_core.server.session import Session
from streamz_core.testing.manual_clock import ManualClock
from tests.certificates import Authority
from tests.unit.server.security.api_samples import SAMPLES

DEPTH = 5
PASSWORD = Secret.of("canary-of-ann")
WAY_IN = {ApiVersionsRequest.api_key, SaslHandshakeRequest.api_key, SaslAuthenticateRequest.api_key}
SESSION_MAX_MS = 60_000

STRANGERS = {SaslState.NEW, SaslState.EXCHANGING, SaslState.EXPIRED, SaslState.EXCHANGING_AGAIN}
_numbers = itertools.count(1)


def frame(api_key: int, version: int, body: bytes) -> bytearray:
    header = headers.RequestHeader(api_key, version, next(_numbers), "stranger")
    return bytearray(b"".join((headers.write_request_header(header), body)))


def asked(request, version=None) -> bytearray:
    lowest, highest = codec.versions(request.api_key)
    version = highest if version is None else version
    return frame(request.api_key, version, b"".join(codec.encode_request(request, version)))


def every_other_api() -> list[bytearray]:
    frames = []
    for sample in SAMPLES:
        for version in codec.versions(sample.request.api_key):
            try:
                frames.append(asked(sample.request, version))
            except codec.NotEncodable:
                frames.append(frame(sample.request.api_key, version, b""))
    # Replicas', removed and unknown ones, and bodies that are none: nothing of them may even be looked at.
    strange = (4, 5, 6, 7, 52, 58, 59, 71, 72, 99, 999, 32_767, -1)
    return frames + [bytearray(struct.pack(">hhih", key, 0, 1, -1) + b"\xff" * 8) for key in strange]


OTHERS = every_other_api()
TRIES = [
    asked(ApiVersionsRequest(client_software_name="x", client_software_version="1")),
    asked(ApiVersionsRequest(), 0),
    *(
        asked(SaslHandshakeRequest(mechanism=name))
        for name in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "")
    ),
    *(
        asked(SaslAuthenticateRequest(auth_bytes=Secret(message)))
        for message in (
            b"",
            b"\0ann\0wrong",
            b"\x01",
            b"n,,\x01auth=Bearer e30.e30.e30\x01\x01",
            b"n,,n=ann,r=nonce",
            b"n,,n=eve,r=nonce",
            b"c=biws,r=nonceserver,p=" + b"A" * 43 + b"=",
        )
    ),
]
"""What a stranger may say that is not refused by its key alone."""


class NobodyAsks:
    """See ``dispatch.Handling``; fails the test."""

    async def handle(self, request):
        raise AssertionError(f"a stranger's {type(request).__name__} reached the broker")


@dataclass
class Explorer:
    """A server's dispatcher, and how many points were looked at."""

    dispatcher: Dispatcher
    door: Door
    clock: ManualClock
    points: int = 0
    refusals: int = 0

    async def explore(self, session: Session, depth: int) -> None:
        """Ask for everything here, and go on wherever the connection stays open."""
        self.points += 1
        for other in OTHERS:
            self.must_be_refused(copied(session), other)
        if depth == 0:
            return
        for attempt in TRIES:
            following = copied(session)
            if await self.is_answered(following, attempt) and not following.is_over:
                assert following.authenticator.state in STRANGERS
                await self.explore(following, depth - 1)

    def must_be_refused(self, session: Session, other: bytearray) -> None:
        with pytest.raises(ConnectionEnded):
            self.dispatcher.read(session, bytearray(other))
        assert session.is_over
        self.refusals += 1

    async def is_answered(self, session: Session, attempt: bytearray) -> bool:
        try:
            call = self.dispatcher.read(session, bytearray(attempt))
        except ConnectionEnded:
            return False
        assert call.header.api_key in WAY_IN
        failed = self.door.audit.failed_logins
        answering = asyncio.ensure_future(self.dispatcher.answer(call))
        # A password is checked in a thread, and a failed login waits a moment of the scene's clock.
        while not answering.done():
            await asyncio.sleep(0)
            if self.door.audit.failed_logins > failed:
                await self.clock.advance(FAILURE_DELAY_MS)
        assert answering.result() is not None
        return True


def copied(session: Session) -> Session:
    """The same connection at the same point, once more."""
    twin = copy.copy(session)
    twin.authenticator = copy.copy(session.authenticator)
    twin.authenticator._exchange = copy.copy(session.authenticator._exchange)
    return twin


@pytest.fixture
async def explorer(tmp_path):
    clock = ManualClock()
    broker = await Broker.open(MemoryFiles(), "/data", clock)
    salted = scram.salted_password(ScramMechanism.SCRAM_SHA_256, PASSWORD, b"salt-of-ann", 4_096)
    user = ScramCredentialUpsertion(
        name="ann",
        mechanism=ScramMechanism.SCRAM_SHA_256,
        iterations=4_096,
        salt=b"salt-of-ann",
        salted_password=salted,
    )
    await broker.handle(AlterUserScramCredentialsRequest(upsertions=[user]))
    certificate, key = Authority(tmp_path).issue("server")
    rules = TokenRules(issuer="https://login.example.org", audience="streamz")
    config = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key),
        sasl_mechanisms=MECHANISMS,
        oauth=OauthConfig(rules=rules, jwks_file=str(tmp_path / "keys.json")),
        session_max_ms=SESSION_MAX_MS,
    )
    limits = Limits()
    in_flight = InFlightBytes(limits.in_flight_bytes_max)
    door = Door(config, broker, clock)
    yield Explorer(
        Dispatcher(NobodyAsks(), limits, in_flight, door, Throttle(broker.quotas, clock)), door, clock
    )
    await broker.close()


def connected(explorer) -> Session:
    session = Session("/10.0.0.9")
    explorer.dispatcher.begin(session, None)
    return session


async def logged_in(explorer) -> Session:
    """A connection of ann's, who knows her password."""
    session = connected(explorer)

    async def say(request):
        call = explorer.dispatcher.read(session, asked(request))
        body = b"".join(map(bytes, await explorer.dispatcher.answer(call)))
        _, highest = codec.versions(request.api_key)
        _, position = headers.read_response_header(request.api_key, highest, memoryview(body)[4:])
        return codec.decode_response(request.api_key, highest, memoryview(body)[4 + position :])

    await say(SaslHandshakeRequest(mechanism="SCRAM-SHA-256"))
    first = scram.client_first("ann", "nonce")
    challenge = await say(
        SaslAuthenticateRequest(auth_bytes=Secret((first.gs2_header + first.bare).encode()))
    )
    answer = scram.parse_server_first(challenge.auth_bytes.reveal(), first)
    salted = scram.salted_password(ScramMechanism.SCRAM_SHA_256, PASSWORD, answer.salt, answer.iterations)
    last = scram.client_final(first, answer, ScramMechanism.SCRAM_SHA_256, salted)
    proven = await say(SaslAuthenticateRequest(auth_bytes=Secret(last)))
    assert (proven.error_code, session.principal, session.is_admitted) == (ErrorCode.NONE, "User:ann", True)
    return session


async def test_a_stranger_is_answered_nothing_but_the_way_in(explorer):
    await explorer.explore(connected(explorer), DEPTH)

    assert explorer.points > 100
    assert explorer.refusals == explorer.points * len(OTHERS)


async def test_neither_is_somebody_whose_session_has_ended(explorer):
    session = await logged_in(explorer)
    await explorer.clock.advance(SESSION_MAX_MS)

    await explorer.explore(session, DEPTH)

    assert explorer.points > 100
    assert explorer.refusals == explorer.points * len(OTHERS)


async def test_after_a_login_the_broker_is_reached(explorer):
    """What the explorer finds refused is refused to strangers, not to everybody."""
    session = await logged_in(explorer)

    with pytest.raises(AssertionError, match="reached the broker"):
        await explorer.dispatcher.answer(explorer.dispatcher.read(session, asked(SAMPLES[0].request)))
