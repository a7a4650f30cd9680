"""SCRAM: the messages of the exchange and the arithmetic behind them, for both sides.

Owns: parsing and writing the four messages; making credentials; proofs and their check.
Must not know: users, connections, where nonces come from (they are handed in).

As Kafka, user names and passwords are taken as they are, without SASLprep. Channel binding is not offered.

Source: RFC 5802, RFC 7677, KIP-84, KIP-554
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, NamedTuple

import msgspec

from streamz_core.errors import Misuse
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret

ITERATIONS_MIN: Final = 4_096
ITERATIONS_MAX: Final = 1_000_000
"""More would let whoever names the number keep the other side's processor busy."""
ITERATIONS_DEFAULT: Final = 16_384
NONCE_BYTES: Final = 24
SALT_BYTES: Final = 24
_NONCE_CHARACTERS_MAX: Final = 256
_PRINTABLE: Final = frozenset(map(chr, range(0x21, 0x7F))) - {","}


class ScramError(Misuse):
    """A message of the exchange is not well formed, or does not belong to it."""


class ScramCredential(msgspec.Struct, frozen=True, kw_only=True):
    """What a server keeps of a password: enough to check it, too little to log in with."""

    mechanism: ScramMechanism
    iterations: int
    salt: bytes
    stored_key: Secret
    server_key: Secret


class ClientFirst(NamedTuple):
    """The client's first message. ``bare`` is what the proofs are made over."""

    gs2_header: str
    authorization_id: str
    user: str
    nonce: str
    extensions: tuple[str, ...]
    bare: str


class ServerFirst(NamedTuple):
    """The server's first message."""

    nonce: str
    salt: bytes
    iterations: int
    text: str


class ClientFinal(NamedTuple):
    """The client's last message."""

    channel_binding: bytes
    nonce: str
    without_proof: str
    proof: Secret


def salted_password(mechanism: ScramMechanism, password: Secret, salt: bytes, iterations: int) -> Secret:
    """The slow step (PBKDF2): milliseconds, with Python's global lock released."""
    return Secret(hashlib.pbkdf2_hmac(mechanism.hash_name, password.reveal(), salt, iterations))


def credential(mechanism: ScramMechanism, salted: Secret, salt: bytes, iterations: int) -> ScramCredential:
    """What a server keeps of a salted password."""
    client_key = _hmac(mechanism, salted, b"Client Key")
    return ScramCredential(
        mechanism=mechanism,
        iterations=iterations,
        salt=salt,
        stored_key=_hash(mechanism, client_key),
        server_key=_hmac(mechanism, salted, b"Server Key"),
    )


def is_password_of(kept: ScramCredential, password: Secret) -> bool:
    """Whether it is the password that the credential was made of; as slow as ``salted_password``."""
    salted = salted_password(kept.mechanism, password, kept.salt, kept.iterations)
    return credential(kept.mechanism, salted, kept.salt, kept.iterations).stored_key == kept.stored_key


# -- the messages -------------------------------------------------------------------------------------


def client_first(user: str, nonce: str) -> ClientFirst:
    """The message that begins the exchange; its text is ``gs2_header + bare``."""
    bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
    return ClientFirst("n,,", "", user, nonce, (), bare)


def parse_client_first(message: bytes) -> ClientFirst:
    """Read the client's first message. Raises ``ScramError``."""
    text = _text(message)
    parts = text.split(",", 2)
    if len(parts) != 3 or parts[0] not in {"n", "y"}:
        raise ScramError("the client's first message asks for channel binding or is none")
    authorization_id = _name(_value(parts[1], "a")) if parts[1] else ""
    header = text[: len(parts[0]) + len(parts[1]) + 2]
    bare = parts[2]
    attributes = bare.split(",")
    if len(attributes) < 2:
        raise ScramError("the client's first message lacks its user or its nonce")
    user = _name(_value(attributes[0], "n"))
    nonce = _nonce(_value(attributes[1], "r"))
    return ClientFirst(header, authorization_id, user, nonce, tuple(attributes[2:]), bare)


def server_first(nonce: str, salt: bytes, iterations: int) -> ServerFirst:
    """The server's first message; ``nonce`` is the client's and the server's own."""
    text = f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"
    return ServerFirst(nonce, salt, iterations, text)


def parse_server_first(message: bytes, first: ClientFirst) -> ServerFirst:
    """Read the server's first message as the client who sent ``first``. Raises ``ScramError``."""
    text = _text(message)
    attributes = text.split(",")
    if len(attributes) < 3:
        raise ScramError("the server's first message lacks its nonce, salt or iterations")
    nonce = _nonce(_value(attributes[0], "r"))
    if not nonce.startswith(first.nonce) or nonce == first.nonce:
        raise ScramError("the server's nonce does not continue the client's")
    salt, iterations = _base64(_value(attributes[1], "s")), _value(attributes[2], "i")
    if not salt or not iterations.isascii() or not iterations.isdecimal() or len(iterations) > 9:
        raise ScramError("the server's salt or iterations are not well formed")
    if not ITERATIONS_MIN <= int(iterations) <= ITERATIONS_MAX:
        raise ScramError(f"{iterations} iterations: allowed are {ITERATIONS_MIN} to {ITERATIONS_MAX}")
    return ServerFirst(nonce, salt, int(iterations), text)


def client_final(first: ClientFirst, answer: ServerFirst, mechanism: ScramMechanism, salted: Secret) -> bytes:
    """The client's last message, with the proof that it knows the password."""
    without_proof = f"c={base64.b64encode(first.gs2_header.encode()).decode()},r={answer.nonce}"
    client_key = _hmac(mechanism, salted, b"Client Key")
    signed = _auth_message(first, answer, without_proof)
    signature = _hmac(mechanism, _hash(mechanism, client_key), signed)
    proof = _xor(client_key.reveal(), signature.reveal())
    return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def parse_client_final(message: bytes) -> ClientFinal:
    """Read the client's last message. Raises ``ScramError``."""
    text = _text(message)
    without_proof, found, proof = text.rpartition(",p=")
    attributes = without_proof.split(",")
    if not found or len(attributes) < 2:
        raise ScramError("the client's last message lacks its channel binding, nonce or proof")
    binding = _base64(_value(attributes[0], "c"))
    return ClientFinal(binding, _nonce(_value(attributes[1], "r")), without_proof, Secret(_base64(proof)))


def server_final(
    first: ClientFirst, answer: ServerFirst, last: ClientFinal, kept: ScramCredential
) -> bytes | None:
    """The server's last message, or None where the client has not proved that it knows the password."""
    binding_fits = hmac.compare_digest(last.channel_binding, first.gs2_header.encode())
    nonce_fits = hmac.compare_digest(last.nonce.encode(), answer.nonce.encode())
    signed = _auth_message(first, answer, last.without_proof)
    signature = _hmac(kept.mechanism, kept.stored_key, signed)
    has_length = len(last.proof) == len(signature)
    client_key = Secret(
        _xor(last.proof.reveal() if has_length else bytes(len(signature)), signature.reveal())
    )
    proof_fits = _hash(kept.mechanism, client_key) == kept.stored_key
    if not (binding_fits and nonce_fits and has_length and proof_fits):
        return None
    verifier = _hmac(kept.mechanism, kept.server_key, signed)
    return b"v=" + base64.b64encode(verifier.reveal())


def is_server_final(
    message: bytes,
    first: ClientFirst,
    answer: ServerFirst,
    sent: bytes,
    mechanism: ScramMechanism,
    salted: Secret,
) -> bool:
    """Whether the server's last message proves that it, too, knows the password."""
    without_proof = sent.decode().rpartition(",p=")[0]
    server_key = _hmac(mechanism, salted, b"Server Key")
    verifier = _hmac(mechanism, server_key, _auth_message(first, answer, without_proof))
    expected = b"v=" + base64.b64encode(verifier.reveal())
    return hmac.compare_digest(message.partition(b",")[0], expected)


# -- their parts --------------------------------------------------------------------------------------


def _auth_message(first: ClientFirst, answer: ServerFirst, without_proof: str) -> bytes:
    return f"{first.bare},{answer.text},{without_proof}".encode()


def _text(message: bytes) -> str:
    try:
        text = message.decode()
    except UnicodeDecodeError:
        raise ScramError("a message that is not UTF-8") from None
    if "\0" in text:
        raise ScramError("a message with a zero byte")
    return text


def _value(attribute: str, name: str) -> str:
    found, separator, value = attribute.partition("=")
    if found != name or not separator:
        raise ScramError(f"attribute {name!r} is not where it belongs")
    return value


def _name(escaped: str) -> str:
    """A user's name: ``,`` and ``=`` are escaped in it, and nothing else."""
    pieces = escaped.split("=")
    if not escaped or any(piece[:2] not in {"2C", "3D"} for piece in pieces[1:]):
        raise ScramError("a user name that is empty or wrongly escaped")
    return pieces[0] + "".join({"2C": ",", "3D": "="}[piece[:2]] + piece[2:] for piece in pieces[1:])


def _nonce(value: str) -> str:
    if not 0 < len(value) <= _NONCE_CHARACTERS_MAX or not _PRINTABLE.issuperset(value):
        raise ScramError("a nonce that is empty, too long or not printable")
    return value


def _base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ScramError("a value that is not base64") from None


def _hmac(mechanism: ScramMechanism, key: Secret, message: bytes) -> Secret:
    return Secret(hmac.digest(key.reveal(), message, mechanism.hash_name))


def _hash(mechanism: ScramMechanism, value: Secret) -> Secret:
    return Secret(hashlib.new(mechanism.hash_name, value.reveal()).digest())


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
