"""SASL SCRAM-SHA-256 and SCRAM-SHA-512, the server's side.

Owns: the order of the messages, and that a user who is not there is answered like one who is.
Must not know: the arithmetic (``protocol.scram``), where credentials are kept.

Source: RFC 5802, RFC 7677, KIP-84
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple, Protocol

from streamz_core.protocol import scram
from streamz_core.server.security.mechanism import Continued, Failed, Proven

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
    from streamz_core.protocol.scram import ClientFirst, ScramCredential, ServerFirst
    from streamz_core.secret import Secret
    from streamz_core.server.security.mechanism import Outcome


class Credentials(Protocol):
    """Who is known by which password."""

    def credential(self, user: str, mechanism: ScramMechanism) -> ScramCredential | None:
        """What is kept of the user's password."""

    def decoy(self, user: str, mechanism: ScramMechanism) -> ScramCredential:
        """What stands in for a user that is not there."""


class ScramLogin:
    """One of the two mechanisms."""

    needs_tls = False

    def __init__(
        self,
        mechanism: ScramMechanism,
        credentials: Credentials,
        *,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(scram.NONCE_BYTES),
    ) -> None:
        """``nonce`` makes the server's half of the nonce, a new one for each attempt."""
        self.name = mechanism.sasl_name
        self._mechanism = mechanism
        self._credentials = credentials
        self._nonce = nonce

    def begin(self) -> _ScramExchange:
        """See ``Mechanism``."""
        return _ScramExchange(self._mechanism, self._credentials, self._nonce())


class _Challenged(NamedTuple):
    """What the last message is judged by."""

    first: ClientFirst
    answer: ServerFirst
    kept: ScramCredential
    is_known: bool


class _ScramExchange:
    """Two messages."""

    def __init__(self, mechanism: ScramMechanism, credentials: Credentials, nonce: str) -> None:
        self._mechanism = mechanism
        self._credentials = credentials
        self._nonce = nonce
        self._challenged: _Challenged | None = None

    async def respond(self, message: Secret) -> Outcome:
        """See ``Exchange``."""
        try:
            if self._challenged is None:
                return self._challenge(scram.parse_client_first(message.reveal()))
            return self._judge(self._challenged, message)
        except scram.ScramError as wrong:
            return Failed(str(wrong))

    def _challenge(self, first: ClientFirst) -> Outcome:
        if first.authorization_id not in {"", first.user}:
            return Failed(f"user {first.user!r} asks to act as {first.authorization_id!r}")
        if any(one.startswith("m=") or one == "tokenauth=true" for one in first.extensions):
            return Failed(f"user {first.user!r} asks for an extension that there is not")
        found = self._credentials.credential(first.user, self._mechanism)
        kept = found or self._credentials.decoy(first.user, self._mechanism)
        answer = scram.server_first(first.nonce + self._nonce, kept.salt, kept.iterations)
        self._challenged = _Challenged(first, answer, kept, found is not None)
        return Continued(answer.text.encode())

    def _judge(self, challenged: _Challenged, message: Secret) -> Outcome:
        first, answer, kept, is_known = challenged
        last = scram.parse_client_final(message.reveal())
        verifier = scram.server_final(first, answer, last, kept)
        if verifier is not None and is_known:
            return Proven(first.user, verifier)
        why = "wrong password"
        if not is_known:
            why = "there is no such user"
        elif last.nonce != answer.nonce:
            # RFC 5802, 5.1: it must be the one that was sent.
            why = "the nonce did not come back as it was sent, as librdkafka before 2.6.1 does it"
        return Failed(f"user {first.user!r}: {why}")
