"""Is this token one that was made for us, by whom we trust, and does it still hold?

Owns: every check of a token but the arithmetic of its signature, which PyJWT does (``pip install
'streamz-core[oauthbearer]'``). All of them are made for every token; none can be switched off.
Must not know: how a token comes here, where keys come from.

Source: RFC 7519, RFC 8725 (best practices), RFC 9068; CVE-2026-33557 is what a lenient one costs
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from streamz_core.clock import Clock
    from streamz_core.secret import Secret
    from streamz_core.server.security.jwks import KeySet

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key. Never HMAC, whose key we would have to know, and never ``none``."""
_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_TOKEN_BYTES_MAX: Final = 16_384
_NAME_CHARACTERS_MAX: Final = 249
_MODULUS_CHARACTERS_MIN: Final = 342
"""2048 bits in base64."""
_SECONDS_MAX: Final = 1 << 40


class InvalidToken(Misuse):
    """The token proves nothing; the message says why, for the audit, and has nothing of the token in it."""


class ValidToken(NamedTuple):
    """Whom the token speaks of, and until when (wall clock)."""

    user: str
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token must say."""

    issuer: str
    """Its ``iss``, exactly."""
    audience: str
    """One of its ``aud``, exactly."""
    user_claim: str = "sub"
    """The claim that names the user."""
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    leeway_ms: int = 30_000
    """How far the issuer's clock may be from ours."""

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience or not self.user_claim:
            raise Misuse(
                "tokens need an issuer, an audience and a claim that names the user: none may be empty"
            )
        unknown = [one for one in self.algorithms if one not in ALGORITHMS]
        if unknown or not self.algorithms:
            raise Misuse(f"token algorithms {self.algorithms}: allowed are {', '.join(ALGORITHMS)}")


class JwtValidator:
    """Checks tokens of one issuer."""

    def __init__(self, rules: TokenRules, keys: KeySet, clock: Clock) -> None:
        """Raises ``Misuse`` where PyJWT is not installed."""
        try:
            import jwt
        except ImportError:
            raise Misuse(
                "OAUTHBEARER needs PyJWT and cryptography: pip install 'streamz-core[oauthbearer]'"
            ) from None
        self._jwt: Any = jwt
        self._rules = rules
        self._keys = keys
        self._clock = clock

    async def validate(self, token: Secret) -> ValidToken:
        """Check a token. Raises ``InvalidToken``."""
        if len(token) > _TOKEN_BYTES_MAX:
            raise InvalidToken(f"a token of {len(token)} bytes; allowed are {_TOKEN_BYTES_MAX}")
        algorithm, key_id = self._header(token)
        key = await self._keys.key(key_id)
        if key is None:
            raise InvalidToken("the token names a key that the issuer has not published")
        self._check_key(key, algorithm)
        claims = self._signed_claims(token, key, algorithm)
        return self._check_claims(claims)

    def _header(self, token: Secret) -> tuple[str, str]:
        header = _json_of(token.reveal().split(b".")[0])
        algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise InvalidToken("the token's algorithm is not one of those allowed")
        if not isinstance(key_id, str) or not key_id:
            raise InvalidToken("the token names no key")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise InvalidToken("the token is of another type")
        if "crit" in header:
            raise InvalidToken("the token has critical extensions, which are not understood")
        return algorithm, key_id

    def _check_key(self, key: dict[str, Any], algorithm: str) -> None:
        """The key must be meant for this: a token's word alone does not choose how a key is used."""
        if key.get("kty") != _KEY_TYPES[algorithm[:2]]:
            raise InvalidToken("the token's algorithm does not fit its key")
        if key.get("alg", algorithm) != algorithm or key.get("use", "sig") != "sig":
            raise InvalidToken("the token's key is published for another use")
        if key["kty"] == "RSA" and len(str(key.get("n", ""))) < _MODULUS_CHARACTERS_MIN:
            raise InvalidToken("the token's key is shorter than 2048 bits")

    def _signed_claims(self, token: Secret, key: dict[str, Any], algorithm: str) -> dict[str, Any]:
        try:
            signed = self._jwt.api_jws.decode_complete(
                token.reveal(), self._jwt.PyJWK(key, algorithm=algorithm).key, algorithms=[algorithm]
            )
        except (self._jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken(f"the token's signature is wrong ({type(error).__name__})") from None
        return _parsed(signed["payload"])

    def _check_claims(self, claims: dict[str, Any]) -> ValidToken:
        rules, now_ms = self._rules, self._clock.now_ms()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != rules.issuer:
            raise InvalidToken("the token is of another issuer")
        if rules.audience not in audiences:
            raise InvalidToken("the token is for somebody else")
        expires_ms = _milliseconds(claims, "exp")
        if expires_ms is None:
            raise InvalidToken("the token does not say when it expires")
        if expires_ms + rules.leeway_ms <= now_ms:
            raise InvalidToken("the token has expired")
        for claim in ("nbf", "iat"):
            begins_ms = _milliseconds(claims, claim)
            if begins_ms is not None and begins_ms - rules.leeway_ms > now_ms:
                raise InvalidToken(f"the token holds only from later on ({claim})")
        user = claims.get(rules.user_claim)
        if not isinstance(user, str) or not 0 < len(user) <= _NAME_CHARACTERS_MAX or not user.isprintable():
            raise InvalidToken(f"the token's claim {rules.user_claim!r} names no user")
        return ValidToken(user, expires_ms + rules.leeway_ms)


def _json_of(part: bytes) -> dict[str, Any]:
    try:
        return _parsed(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        raise InvalidToken("the token is not base64") from None


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidToken("the token holds no JSON object") from None


def _milliseconds(claims: dict[str, Any], name: str) -> int | None:
    """A claim that is a time; None where there is none."""
    seconds = claims.get(name)
    if seconds is None:
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= _SECONDS_MAX:
        raise InvalidToken(f"the token's time {name!r} is none")
    return int(seconds * 1000)
