"""TLS of the server: its certificate, whose certificates it believes, and what name is in one.

Owns: ``TlsConfig``, the context made of it, and the principal of a client's certificate.
Must not know: sockets.

Source: https://kafka.apache.org/documentation/#security_ssl, RFC 2253 (names)
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from streamz_core.secret import Secret

_SHORT: Final = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
    "domainComponent": "DC",
    "userId": "UID",
    "streetAddress": "STREET",
}
_ESCAPED: Final = frozenset(',+"\\<>;')


class ClientAuth(Enum):
    """Whether clients show a certificate (Kafka's ``ssl.client.auth``)."""

    NONE = "none"
    REQUESTED = "requested"
    """A client may show one, and is anonymous without."""
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """PEM files. Raises ``Misuse`` for settings that do not go together."""

    certificate: str
    """The server's certificate, with those between it and its authority."""
    key: str | None = None
    """Its private key, where that is not in the same file."""
    key_password: Secret | None = None
    client_ca: str | None = None
    """The authorities whose clients are believed."""
    client_auth: ClientAuth = ClientAuth.NONE

    def __post_init__(self) -> None:
        if (self.client_auth is ClientAuth.NONE) != (self.client_ca is None):
            raise Misuse(
                "client certificates are asked for with client_auth and believed by client_ca: give both"
            )


def server_context(config: TlsConfig) -> ssl.SSLContext:
    """TLS 1.2 and 1.3, without compression and renegotiation. Raises ``Misuse`` naming a file that is not usable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(
            config.certificate,
            config.key,
            # Asked for on the terminal otherwise.
            lambda: b"" if config.key_password is None else config.key_password.reveal(),
        )
    except (OSError, ValueError) as error:
        raise Misuse(
            f"certificate {config.certificate!r} with key {config.key or config.certificate!r}: {_why(error)}"
        ) from None
    if config.client_ca is not None:
        try:
            context.load_verify_locations(cafile=config.client_ca)
        except (OSError, ValueError) as error:
            raise Misuse(f"client authorities {config.client_ca!r}: {_why(error)}") from None
        is_required = config.client_auth is ClientAuth.REQUIRED
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    return context


def distinguished_name(certificate: dict[str, Any]) -> str:
    """The subject of a certificate as ``SSLSocket.getpeercert`` gives it, as Kafka writes it: the last part first.

    >>> distinguished_name({"subject": ((("organizationName", "Ours"),), (("commonName", "alice"),))})
    'CN=alice,O=Ours'
    """
    subject: tuple[tuple[tuple[str, str], ...], ...] = certificate.get("subject", ())
    return ",".join(
        "+".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in part)
        for part in reversed(subject)
    )


def _escaped(value: str) -> str:
    text = "".join(f"\\{one}" if one in _ESCAPED else one for one in value)
    if text.startswith((" ", "#")):
        text = "\\" + text
    return f"{text[:-1]}\\ " if text.endswith(" ") and len(value) > 1 else text


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not a usable PEM file, key or password ({error.reason or 'unreadable'})"
    return str(getattr(error, "strerror", None) or error)
