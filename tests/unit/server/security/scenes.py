"""Owns: what security's tests are made of: users, authenticators over them, and a client that logs in."""

import asyncio
from dataclasses import dataclass, field

from streamz_core.errors import ErrorCode
from streamz_core.protocol import scram
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.audit import Audit
from streamz_core.server.security.authenticator import FAILURE_DELAY_MS, Authenticator
from streamz_core.server.security.plain_login import PlainLogin
from streamz_core.server.security.scram_exchange import ScramLogin
from streamz_core.testing.manual_clock import ManualClock

SHA_256, SHA_512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512
PASSWORD = "canary-of-ann"
SALT = b"salt of ann"
ITERATIONS = 4_096


def credential(mechanism=SHA_256, password=PASSWORD) -> scram.ScramCredential:
    salted = scram.salted_password(mechanism, Secret.of(password), SALT, ITERATIONS)
    return scram.credential(mechanism, salted, SALT, ITERATIONS)


@dataclass
class Users:
    """See ``scram_exchange.Credentials``."""

    known: dict = field(
        default_factory=lambda: {
            ("ann", SHA_256): credential(),
            ("ann", SHA_512): credential(SHA_512),
            ("bob", SHA_256): credential(password="canary-of-bob"),
        }
    )

    def credential(self, user, mechanism):
        return self.known.get((user, mechanism))

    def decoy(self, user, mechanism):
        return credential(mechanism, password="nobody has this")


@dataclass
class Scene:
    """One connection, and the clock it lives by."""

    clock: ManualClock = field(default_factory=ManualClock)
    users: Users = field(default_factory=Users)

    def __post_init__(self):
        self.audit = Audit(self.clock)

    def mechanisms(self):
        made = (ScramLogin(SHA_256, self.users), ScramLogin(SHA_512, self.users), PlainLogin(self.users))
        return {one.name: one for one in made}

    def authenticator(self, mechanisms=None, **more) -> Authenticator:
        return Authenticator(
            self.mechanisms() if mechanisms is None else mechanisms,
            self.clock,
            self.audit,
            host="10.0.0.9",
            principal="User:ANONYMOUS",
            **more,
        )

    async def say(self, peer: Authenticator, message: bytes) -> SaslAuthenticateResponse:
        """One message; a failed login's delay passes."""
        assert peer.admits(SaslAuthenticateRequest.api_key)
        asked = asyncio.ensure_future(peer.authenticate(SaslAuthenticateRequest(auth_bytes=Secret(message))))
        # Checking a password runs in a thread: real, short, and nothing waits for luck.
        while not asked.done():
            await asyncio.sleep(0)
            if self.audit.failed_logins:
                await self.clock.advance(FAILURE_DELAY_MS)
        return asked.result()

    async def begin(self, peer: Authenticator, mechanism: str) -> ErrorCode:
        assert peer.admits(SaslHandshakeRequest.api_key)
        return (await peer.handshake(SaslHandshakeRequest(mechanism=mechanism))).error_code

    async def log_in(self, peer: Authenticator, user="ann", password=PASSWORD, mechanism=SHA_256):
        """All of a SCRAM exchange; the last answer."""
        await self.begin(peer, mechanism.sasl_name)
        first = scram.client_first(user, "client-nonce")
        answer = await self.say(peer, (first.gs2_header + first.bare).encode())
        challenge = scram.parse_server_first(answer.auth_bytes.reveal(), first)
        salted = scram.salted_password(mechanism, Secret.of(password), challenge.salt, challenge.iterations)
        return await self.say(peer, scram.client_final(first, challenge, mechanism, salted))
