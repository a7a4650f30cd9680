"""What can be set about who may connect to a server and as whom.

Owns: ``SecurityConfig`` and its checks; above all that a port beyond this machine has TLS and authentication.
Must not know: how any of it is done.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamz_core.errors import Misuse
from streamz_core.server.security.principal_mapping import parse_rules
from streamz_core.server.security.tls import ClientAuth

if TYPE_CHECKING:
    from streamz_core.server.security.jwt_validator import TokenRules
    from streamz_core.server.security.tls import TlsConfig

MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER")
_OVER_TLS_ONLY: Final = ("PLAIN", "OAUTHBEARER")


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthConfig:
    """Whose tokens are believed. Raises ``Misuse`` for settings that do not go together."""

    rules: TokenRules
    jwks_file: str | None = None
    """The issuer's keys, a file; or"""
    jwks_url: str | None = None
    """an https URL"""
    jwks_hosts: tuple[str, ...] = ()
    """of one of these hosts. None is allowed by itself."""

    def __post_init__(self) -> None:
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise Misuse("the token issuer's keys: give jwks_file, or jwks_url with jwks_hosts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityConfig:
    """Security of a server's port; without any setting: plaintext, nobody authenticates, this machine only.

    Raises ``Misuse`` naming the setting and what is allowed.
    """

    tls: TlsConfig | None = None
    sasl_mechanisms: tuple[str, ...] = ()
    """Any of ``SCRAM-SHA-512``, ``SCRAM-SHA-256``, and with TLS ``PLAIN``, ``OAUTHBEARER``; one has to be used."""
    oauth: OauthConfig | None = None
    super_users: frozenset[str] = frozenset()
    """Principals such as ``User:admin`` that no ACL is asked about."""
    session_max_ms: int = 0
    """After so long a peer authenticates again (Kafka's ``connections.max.reauth.ms``); 0: never for that alone."""
    principal_mapping: str = "DEFAULT"
    """From certificates' names to users' (Kafka's ``ssl.principal.mapping.rules``)."""
    insecure_open_to_network: bool = False
    """Let other machines connect although there is no TLS, or nobody has to authenticate."""

    def __post_init__(self) -> None:
        unknown = [one for one in self.sasl_mechanisms if one not in MECHANISMS]
        if unknown:
            raise Misuse(f"SASL mechanisms {', '.join(unknown)}: there are {', '.join(MECHANISMS)}")
        if self.tls is None:
            open_ones = [one for one in self.sasl_mechanisms if one in _OVER_TLS_ONLY]
            if open_ones:
                raise Misuse(
                    f"{', '.join(open_ones)}: it shows the secret itself, so it needs TLS: give a certificate"
                )
        if ("OAUTHBEARER" in self.sasl_mechanisms) != (self.oauth is not None):
            raise Misuse("OAUTHBEARER and the token issuer's settings (oauth) go together: give both")
        if self.session_max_ms < 0:
            raise Misuse(f"session_max_ms={self.session_max_ms}: allowed are 0 and more")
        wrong = [one for one in self.super_users if not one.partition(":")[2] or one.startswith(":")]
        if wrong:
            raise Misuse(
                f"super users {', '.join(map(repr, wrong))}: give a type and a name, such as User:admin"
            )
        parse_rules(self.principal_mapping)

    @property
    def authenticates(self) -> bool:
        """Whether every peer has to say who it is, and prove it."""
        return bool(self.sasl_mechanisms) or (
            self.tls is not None and self.tls.client_auth is ClientAuth.REQUIRED
        )

    @property
    def protocol(self) -> str:
        """As Kafka names the combination: ``PLAINTEXT``, ``SSL``, ``SASL_PLAINTEXT`` or ``SASL_SSL``."""
        kind = "PLAINTEXT" if self.tls is None else "SSL"
        return f"SASL_{kind}" if self.sasl_mechanisms else kind

    def check_bind(self, host: str | None) -> None:
        """Raise ``Misuse`` if a port at ``host`` would be open to other machines and is not secured."""
        if host is None or is_loopback(host) or self.insecure_open_to_network:
            return
        if self.tls is None or not self.authenticates:
            lacking = " and ".join(
                word
                for word, is_there in (("TLS", self.tls), ("authentication", self.authenticates))
                if not is_there
            )
            raise Misuse(
                f"listening at {host!r} lets other machines connect, and there is no {lacking}: give a certificate "
                "and SASL mechanisms or required client certificates, listen at 127.0.0.1, or set "
                "insecure_open_to_network to do without"
            )

    def warning(self, host: str | None) -> str | None:
        """What to say at every start about a port at ``host`` that is not secured; None if there is nothing."""
        if host is None or is_loopback(host) or (self.tls is not None and self.authenticates):
            return None
        return (
            f"INSECURE: other machines can reach {host}, as {self.protocol}: insecure_open_to_network is set"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False  # whatever the name stands for: an empty one stands for every interface
    return address.is_loopback
