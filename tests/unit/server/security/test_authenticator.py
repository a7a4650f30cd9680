"""Owns: one connection's way to being somebody, with real exchanges."""

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol import scram
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.secret import Secret
from streamz_core.server.security.authenticator import ANONYMOUS
from streamz_core.server.security.mechanism import Proven
from streamz_core.server.security.sasl_state import SaslState
from tests.unit.server.security.scenes import PASSWORD, SHA_256, SHA_512, Scene

VERSIONS, METADATA = ApiVersionsRequest.api_key, MetadataRequest.api_key
HANDSHAKE, AUTHENTICATE = SaslHandshakeRequest.api_key, SaslAuthenticateRequest.api_key


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("mechanism", [SHA_256, SHA_512])
async def test_who_knows_the_password_is_let_in(scene, mechanism):
    peer = scene.authenticator()

    answer = await scene.log_in(peer, mechanism=mechanism)

    assert (answer.error_code, answer.session_lifetime_ms) == (ErrorCode.NONE, 0)
    assert answer.auth_bytes.reveal().startswith(b"v=")
    assert (peer.principal, peer.is_admitted, peer.is_over) == ("User:ann", True, False)
    assert peer.admits(METADATA)


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", "wrong"), ("ann", ""), ("eve", PASSWORD), ("bob", PASSWORD), ("Ann", PASSWORD)],
)
async def test_who_does_not_is_told_nothing_and_is_out(scene, user, password):
    peer = scene.authenticator()

    answer = await scene.log_in(peer, user, password)

    assert answer.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.error_message == "authentication by SCRAM-SHA-256 failed"
    assert answer.auth_bytes == Secret(b"")
    assert (peer.principal, peer.is_admitted, peer.is_over) == (ANONYMOUS, False, True)
    assert not any(peer.admits(key) for key in (VERSIONS, METADATA, HANDSHAKE, AUTHENTICATE))


async def test_users_that_are_not_there_are_answered_like_those_that_are(scene):
    """The number of messages, their form and the moment of the refusal are the same."""
    said = {}
    for user in ("ann", "eve"):
        peer = scene.authenticator()
        began_ms = scene.clock.monotonic_ms()
        answer = await scene.log_in(peer, user, "wrong")
        said[user] = (answer.error_code, answer.error_message, scene.clock.monotonic_ms() - began_ms >= 100)

    assert said["ann"] == said["eve"]


@pytest.mark.parametrize("key", [METADATA, AUTHENTICATE, 0, 1, 999, -1])
async def test_a_stranger_may_ask_for_nothing_but_the_way_in(scene, key):
    peer = scene.authenticator()

    assert peer.admits(VERSIONS)
    assert peer.admits(HANDSHAKE)
    assert not peer.admits(key)
    assert peer.is_over
    assert not peer.admits(VERSIONS)


@pytest.mark.parametrize("key", [METADATA, HANDSHAKE, VERSIONS])
async def test_amid_an_exchange_only_its_next_message_counts(scene, key):
    peer = scene.authenticator()
    await scene.begin(peer, "SCRAM-SHA-256")

    assert not peer.admits(key)
    assert peer.is_over


async def test_a_mechanism_that_is_not_offered_ends_it(scene):
    peer = scene.authenticator()
    assert peer.admits(HANDSHAKE)

    answer = await peer.handshake(SaslHandshakeRequest(mechanism="GSSAPI"))

    assert answer.error_code is ErrorCode.UNSUPPORTED_SASL_MECHANISM
    assert answer.mechanisms == ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"]
    assert peer.is_over


async def test_a_handshake_out_of_its_order_begins_nothing(scene):
    """Also where nobody has asked ``admits`` before."""
    peer = scene.authenticator()
    await scene.begin(peer, "PLAIN")

    answer = await peer.handshake(SaslHandshakeRequest(mechanism="PLAIN"))

    assert answer.error_code is ErrorCode.UNSUPPORTED_SASL_MECHANISM
    assert peer.is_over


async def test_where_nobody_has_to_log_in_nobody_can(scene):
    peer = scene.authenticator({})

    assert all(peer.admits(key) for key in (VERSIONS, METADATA, HANDSHAKE, AUTHENTICATE))
    assert (
        await peer.handshake(SaslHandshakeRequest(mechanism="PLAIN"))
    ).error_code is ErrorCode.ILLEGAL_SASL_STATE
    answer = await peer.authenticate(SaslAuthenticateRequest(auth_bytes=Secret(b"\0ann\0x")))
    assert answer.error_code is ErrorCode.ILLEGAL_SASL_STATE
    assert (peer.principal, peer.is_admitted, peer.is_over) == (ANONYMOUS, True, False)


class TestAgain:
    """KIP-368."""

    async def test_a_session_that_has_ended_goes_on_once_its_peer_has_proved_itself_again(self, scene):
        peer = scene.authenticator(session_max_ms=60_000)
        answer = await scene.log_in(peer)
        assert answer.session_lifetime_ms == 60_000

        await scene.clock.advance(60_000)
        assert (peer.state, peer.is_admitted, peer.is_stranger) == (SaslState.EXPIRED, False, False)
        assert peer.admits(VERSIONS)

        answer = await scene.log_in(peer)
        assert (answer.error_code, peer.is_admitted) == (ErrorCode.NONE, True)
        assert peer.admits(METADATA)

    async def test_what_is_asked_after_its_end_ends_the_connection(self, scene):
        peer = scene.authenticator(session_max_ms=60_000)
        await scene.log_in(peer)

        await scene.clock.advance(59_999)
        assert peer.admits(METADATA)
        await scene.clock.advance(1)

        assert not peer.admits(METADATA)
        assert peer.is_over

    async def test_it_is_done_before_the_end_as_well(self, scene):
        peer = scene.authenticator(session_max_ms=60_000)
        await scene.log_in(peer)
        await scene.clock.advance(50_000)

        await scene.log_in(peer)
        await scene.clock.advance(59_999)

        assert peer.admits(METADATA)

    async def test_amid_it_nothing_else_is_answered(self, scene):
        peer = scene.authenticator(session_max_ms=60_000)
        await scene.log_in(peer)
        await scene.begin(peer, "SCRAM-SHA-256")

        assert not peer.admits(METADATA)

    async def test_nobody_becomes_another(self, scene):
        peer = scene.authenticator()
        await scene.log_in(peer)

        answer = await scene.log_in(peer, "bob", "canary-of-bob")

        assert answer.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert (peer.principal, peer.is_over) == ("User:ann", True)

    async def test_nobody_changes_the_mechanism(self, scene):
        peer = scene.authenticator()
        await scene.log_in(peer)

        assert await scene.begin(peer, "SCRAM-SHA-512") is ErrorCode.UNSUPPORTED_SASL_MECHANISM
        assert peer.is_over

    async def test_a_wrong_password_the_second_time_ends_it(self, scene):
        peer = scene.authenticator()
        await scene.log_in(peer)

        await scene.log_in(peer, password="wrong")

        assert peer.is_over


class _Token:
    """A mechanism whose proof holds for a time."""

    name, needs_tls = "TOKEN", True

    def __init__(self, expires_ms):
        self.expires_ms = expires_ms

    def begin(self):
        return self

    async def respond(self, message):
        return Proven("ann", expires_ms=self.expires_ms)


@pytest.mark.parametrize(
    ("holds_ms", "session_max_ms", "lifetime_ms"),
    [(5_000, 0, 5_000), (5_000, 60_000, 5_000), (90_000, 60_000, 60_000)],
)
async def test_a_session_ends_with_what_proved_it(scene, holds_ms, session_max_ms, lifetime_ms):
    token = _Token(scene.clock.now_ms() + holds_ms)
    peer = scene.authenticator({"TOKEN": token}, session_max_ms=session_max_ms)
    await scene.begin(peer, "TOKEN")

    answer = await scene.say(peer, b"x")

    assert answer.session_lifetime_ms == lifetime_ms
    await scene.clock.advance(lifetime_ms)
    assert not peer.admits(METADATA)


async def test_what_has_expired_proves_nothing(scene):
    peer = scene.authenticator({"TOKEN": _Token(scene.clock.now_ms())})
    await scene.begin(peer, "TOKEN")

    assert (await scene.say(peer, b"x")).error_code is ErrorCode.SASL_AUTHENTICATION_FAILED


class TestPlain:
    @pytest.mark.parametrize(
        "message", [b"\0ann\0canary-of-ann", b"ann\0ann\0canary-of-ann", b"\0bob\0canary-of-bob"]
    )
    async def test_who_knows_the_password_is_let_in(self, scene, message):
        peer = scene.authenticator()
        await scene.begin(peer, "PLAIN")

        answer = await scene.say(peer, message)

        assert (answer.error_code, answer.auth_bytes) == (ErrorCode.NONE, Secret(b""))
        assert peer.principal == f"User:{message.split(bytes(1))[1].decode()}"

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"\0",
            b"\0\0",
            b"\0ann\0",
            b"\0\0canary-of-ann",
            b"\0ann\0wrong",
            b"\0eve\0canary-of-ann",
            b"bob\0ann\0canary-of-ann",
            b"ann\0canary-of-ann",
            b"\0ann\0canary-of-ann\0",
            b"\0\xff\0canary-of-ann",
            b"\0ann\0\xff",
            b"admin\0\0canary-of-ann",
        ],
    )
    async def test_who_does_not_is_out(self, scene, message):
        peer = scene.authenticator()
        await scene.begin(peer, "PLAIN")

        answer = await scene.say(peer, message)

        assert answer.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert peer.is_over


class TestScram:
    async def first(self, scene, message):
        peer = scene.authenticator()
        await scene.begin(peer, "SCRAM-SHA-256")
        return peer, await scene.say(peer, message)

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"garbage",
            b"n,a=bob,n=ann,r=nonce",
            b"n,a=admin,n=ann,r=nonce",
            b"p=tls-unique,,n=ann,r=nonce",
            b"n,,n=ann,r=nonce,m=mandatory",
            b"n,,n=ann,r=nonce,tokenauth=true",
        ],
    )
    async def test_what_is_asked_for_beyond_logging_in_is_refused(self, scene, message):
        peer, answer = await self.first(scene, message)

        assert answer.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert peer.is_over

    @pytest.mark.parametrize(
        "message", [b"n,a=ann,n=ann,r=nonce", b"y,,n=ann,r=nonce", b"n,,n=ann,r=nonce,x=y"]
    )
    async def test_what_may_be_said_besides_is_understood(self, scene, message):
        peer, answer = await self.first(scene, message)

        assert answer.error_code is ErrorCode.NONE
        assert not peer.is_over

    async def test_each_attempt_has_a_nonce_of_its_own(self, scene):
        answers = [(await self.first(scene, b"n,,n=ann,r=nonce"))[1].auth_bytes.reveal() for _ in range(2)]

        assert answers[0] != answers[1]

    async def test_a_last_message_of_another_exchange_is_refused(self, scene):
        _, _ = await self.first(scene, b"n,,n=ann,r=nonce")
        peer, answer = await self.first(scene, b"n,,n=ann,r=nonce")

        replayed = b"c=biws,r=nonceold,p=" + b"A" * 43 + b"="
        assert (await scene.say(peer, replayed)).error_code is ErrorCode.SASL_AUTHENTICATION_FAILED

    async def test_a_nonce_put_there_twice_is_refused_and_the_log_says_who_does_that(self, scene, caplog):
        """librdkafka before 2.6.1: it knows the password, and RFC 5802 (5.1) has the server refuse it all the same."""
        first = scram.client_first("ann", "nonce")
        peer, answer = await self.first(scene, (first.gs2_header + first.bare).encode())
        challenge = scram.parse_server_first(answer.auth_bytes.reveal(), first)
        salted = scram.salted_password(SHA_256, Secret.of(PASSWORD), challenge.salt, challenge.iterations)
        twice = challenge._replace(nonce="nonce" + challenge.nonce)

        refused = await scene.say(peer, scram.client_final(first, twice, SHA_256, salted))

        assert refused.error_code is ErrorCode.SASL_AUTHENTICATION_FAILED
        assert "librdkafka" not in refused.error_message
        assert "librdkafka before 2.6.1" in caplog.text
