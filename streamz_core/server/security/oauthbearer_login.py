"""SASL OAUTHBEARER: a token in the place of a password, over TLS only.

Owns: reading the message, and the two answers that a refused token is told in.
Must not know: what makes a token valid (``jwt_validator``).

Source: RFC 7628, KIP-255
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.secret import Secret
from streamz_core.server.security.jwt_validator import InvalidToken
from streamz_core.server.security.mechanism import Continued, Failed, Proven

if TYPE_CHECKING:
    from streamz_core.server.security.jwt_validator import JwtValidator
    from streamz_core.server.security.mechanism import Outcome

_MESSAGE: Final = re.compile(
    rb"(?:n|y),(?:a=(?P<acting_as>[^,\x00\x01]+))?,\x01(?P<pairs>(?:[A-Za-z]+=[^\x00\x01]*\x01)+)\x01",
    re.DOTALL,
)
_BEARER: Final = re.compile(rb"bearer +(?P<token>[A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_REFUSED: Final = b'{"status":"invalid_token"}'


class _Said(NamedTuple):
    """A message."""

    acting_as: bytes
    token: Secret


class OauthbearerLogin:
    """The mechanism."""

    name = "OAUTHBEARER"
    needs_tls = True

    def __init__(self, validator: JwtValidator) -> None:
        self._validator = validator

    def begin(self) -> _OauthbearerExchange:
        """See ``Mechanism``."""
        return _OauthbearerExchange(self._validator)


class _OauthbearerExchange:
    """One message; a second one where the token was refused, which changes nothing."""

    def __init__(self, validator: JwtValidator) -> None:
        self._validator = validator
        self._reason: str | None = None

    async def respond(self, message: Secret) -> Outcome:
        """See ``Exchange``."""
        if self._reason is not None:
            return Failed(self._reason)
        said = _parsed(message)
        if said is None:
            return Failed("the message is not well formed")
        try:
            valid = await self._validator.validate(said.token)
        except InvalidToken as wrong:
            self._reason = str(wrong)
            return Continued(_REFUSED)
        if said.acting_as not in {b"", valid.user.encode()}:
            return Failed(f"user {valid.user!r} asks to act as another")
        return Proven(valid.user, expires_ms=valid.expires_ms)


def _parsed(message: Secret) -> _Said | None:
    """The message; the token in no variable of anybody who waits."""
    found = _MESSAGE.fullmatch(message.reveal())
    token = None if found is None else _token(found["pairs"])
    if found is None or token is None:
        return None
    acting_as = (found["acting_as"] or b"").replace(b"=2C", b",").replace(b"=3D", b"=")
    return _Said(acting_as, token)


def _token(pairs: bytes) -> Secret | None:
    """The token, if there is exactly one; extensions are not looked at: nobody has signed them."""
    values = [pair[len(b"auth=") :] for pair in pairs.split(b"\x01") if pair.startswith(b"auth=")]
    bearer = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    return None if bearer is None else Secret(bearer["token"])
