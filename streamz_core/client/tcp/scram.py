"""The client's side of SCRAM (RFC 5802, RFC 7677): proving that one knows a password without saying it.

Owns: ``ScramClient``: the three messages, and the check that the server knows the password's verifier too.
Must not know: SASL's frames, connections.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from streamz_core.client.errors import AuthenticationFailedError
from streamz_core.secret import Secret

HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""Mechanism to hash."""
ITERATIONS_MIN: Final = 4096
"""A server that asks for less would make passwords easy to guess (RFC 7677)."""
ITERATIONS_MAX: Final = 10_000_000
"""More would only keep this client busy."""


class ScramClient:
    """One login: ``first`` is sent, ``final`` answers the server's first message, ``check`` its last."""

    def __init__(self, mechanism: str, username: str, password: Secret, nonce: str | None = None) -> None:
        """``nonce`` is for tests alone."""
        self._hash = HASHES[mechanism]
        self._password = password
        self._nonce = nonce or secrets.token_urlsafe(24)
        name = username.replace("=", "=3D").replace(",", "=2C")
        self._first_bare = f"n={name},r={self._nonce}"
        self._server_signature = b""

    def first(self) -> bytes:
        """Who wants to log in."""
        return f"n,,{self._first_bare}".encode()

    def final(self, server_first: bytes) -> bytes:
        """The proof; raises ``AuthenticationFailedError`` where the server's message cannot be trusted."""
        fields = _fields(server_first)
        try:
            nonce, salt, iterations = (
                fields["r"],
                base64.b64decode(fields["s"], validate=True),
                int(fields["i"]),
            )
        except (KeyError, ValueError) as error:
            raise AuthenticationFailedError("the server's SCRAM message cannot be read") from error
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise AuthenticationFailedError("the server's SCRAM message answers somebody else's")
        if not ITERATIONS_MIN <= iterations <= ITERATIONS_MAX:
            raise AuthenticationFailedError(
                f"the server asks for {iterations} SCRAM iterations; allowed are {ITERATIONS_MIN} to {ITERATIONS_MAX}"
            )
        without_proof = f"c=biws,r={nonce}"
        signed = b",".join((self._first_bare.encode(), server_first, without_proof.encode()))
        salted = hashlib.pbkdf2_hmac(self._hash, self._password.reveal(), salt, iterations)
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash, client_key).digest(), signed)
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, server_final: bytes) -> None:
        """Whether the server knows the password as well; raises ``AuthenticationFailedError`` if not."""
        fields = _fields(server_final)
        if "e" in fields:
            raise AuthenticationFailedError(f"the server refused the login: {fields['e']}")
        expected = base64.b64encode(self._server_signature).decode()
        if not hmac.compare_digest(fields.get("v", "").encode(), expected.encode()):
            raise AuthenticationFailedError(
                "the server could not prove that it knows the password: is it the right one?"
            )

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._hash)


def _fields(message: bytes) -> dict[str, str]:
    """``a=1,b=2`` by name."""
    try:
        parts = message.decode().split(",")
    except UnicodeDecodeError as error:
        raise AuthenticationFailedError("the server's SCRAM message is not UTF-8") from error
    return {part[:1]: part[2:] for part in parts if part[1:2] == "="}
