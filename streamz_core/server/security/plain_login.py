"""SASL PLAIN: name and password as they are, over TLS only; checked against the users' SCRAM credentials.

Owns: reading the message, and that checking passwords cannot take the whole processor.
Must not know: where credentials are kept.

Source: RFC 4616, KIP-43
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.protocol import scram
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.mechanism import Failed, Proven

if TYPE_CHECKING:
    from streamz_core.protocol.scram import ScramCredential
    from streamz_core.server.security.mechanism import Outcome
    from streamz_core.server.security.scram_exchange import Credentials

_AT_ONCE: Final = 2
"""Passwords that are checked at the same time: each takes milliseconds of a processor, also a wrong one's."""
_PREFERRED: Final = (ScramMechanism.SCRAM_SHA_512, ScramMechanism.SCRAM_SHA_256)


class _Said(NamedTuple):
    """A message."""

    acting_as: str
    user: str
    password: Secret


class PlainLogin:
    """The mechanism."""

    name = "PLAIN"
    needs_tls = True

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def begin(self) -> PlainLogin:
        """See ``Mechanism``: one message is the whole exchange."""
        return self

    async def respond(self, message: Secret) -> Outcome:
        """See ``Exchange``."""
        said = _parsed(message)
        if isinstance(said, Failed):
            return said
        acting_as, user, password = said
        if acting_as not in {"", user}:
            return Failed(f"user {user!r} asks to act as {acting_as!r}")
        found = self._found(user)
        kept = found or self._credentials.decoy(user, _PREFERRED[0])
        async with self._turn:
            is_right = await asyncio.to_thread(scram.is_password_of, kept, password)
        if found is None or not is_right:
            return Failed(f"user {user!r}: {'there is no such user' if found is None else 'wrong password'}")
        return Proven(user)

    def _found(self, user: str) -> ScramCredential | None:
        for mechanism in _PREFERRED:
            found = self._credentials.credential(user, mechanism)
            if found is not None:
                return found
        return None


def _parsed(message: Secret) -> _Said | Failed:
    """The fields; the password in no variable of anybody who waits."""
    fields = message.reveal().split(b"\0")
    if len(fields) != 3:
        return Failed("the message is not three fields")
    try:
        said = _Said(fields[0].decode(), fields[1].decode(), Secret.of(fields[2].decode()))
    except UnicodeDecodeError:
        return Failed("the message is not UTF-8")
    if not said.user or not len(said.password):
        return Failed("the name or the password is empty")
    return said
