"""A server's security, put together from its settings.

Owns: the mechanisms that are offered, the authenticator of each connection, and the one authorizer.
Must not know: sockets; how any of it works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.server.security.audit import Audit
from streamz_core.server.security.authenticator import ANONYMOUS, LOCAL, Authenticator
from streamz_core.server.security.authorizer import Authorizer
from streamz_core.server.security.certificates import Certificates
from streamz_core.server.security.jwks import KeySet
from streamz_core.server.security.jwks_document import FileDocument, HttpsDocument
from streamz_core.server.security.jwt_validator import JwtValidator
from streamz_core.server.security.oauthbearer_login import OauthbearerLogin
from streamz_core.server.security.plain_login import PlainLogin
from streamz_core.server.security.principal_mapping import mapped, parse_rules
from streamz_core.server.security.scram_exchange import ScramLogin
from streamz_core.server.security.tls import distinguished_name

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from streamz_core.clock import Clock
    from streamz_core.server.security.authorizer import Served
    from streamz_core.server.security.mechanism import Mechanism
    from streamz_core.server.security.security_config import OauthConfig, SecurityConfig


class Door:
    """Everything about security that a server asks.

    Raises ``Misuse`` where a setting cannot be carried out: a file that is no certificate, a library that is not
    there.
    """

    def __init__(self, config: SecurityConfig, served: Served, clock: Clock) -> None:
        self.audit = Audit(clock)
        self.served = served
        self.authorizer = Authorizer(
            served, self.audit, super_users=config.super_users, authenticates=config.authenticates
        )
        self.certificates = None if config.tls is None else Certificates(config.tls)
        self._config = config
        self._clock = clock
        self._rules = parse_rules(config.principal_mapping)
        self._mechanisms: Mapping[str, Mechanism] = {
            name: _MAKERS[name](config, served, clock) for name in config.sasl_mechanisms
        }

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """What the next connection gets; None without TLS."""
        return None if self.certificates is None else self.certificates.context

    def authenticator(self, host: str, certificate: dict[str, Any] | None = None) -> Authenticator:
        """For one connection from ``host`` (an address), with the certificate its peer has shown, if any."""
        name = distinguished_name(certificate) if certificate else None
        user = ANONYMOUS if name is None else self._user_of(name)
        made = Authenticator(
            self._mechanisms,
            self._clock,
            self.audit,
            host=host,
            principal=user or ANONYMOUS,
            session_max_ms=self._config.session_max_ms,
        )
        if user is None:
            made.refuse(f"no principal mapping fits the certificate of {name!r}")
        elif name is not None:
            self.audit.logged_in(user, host, "certificate")
        return made

    def local(self) -> Authenticator:
        """For a process that came by the Unix socket in the data directory: whose files they are."""
        return Authenticator({}, self._clock, self.audit, host="local", principal=LOCAL)

    def _user_of(self, name: str) -> str | None:
        user = mapped(self._rules, name)
        return f"User:{user}" if user else None


def _scram(mechanism: ScramMechanism) -> Callable[..., Mechanism]:
    return lambda _config, served, _clock: ScramLogin(mechanism, served.security)


def _plain(_config: SecurityConfig, served: Served, _clock: Clock) -> Mechanism:
    return PlainLogin(served.security)


def _oauthbearer(config: SecurityConfig, _served: Served, clock: Clock) -> Mechanism:
    assert config.oauth is not None
    keys = KeySet(_document(config.oauth), clock)
    return OauthbearerLogin(JwtValidator(config.oauth.rules, keys, clock))


def _document(oauth: OauthConfig) -> FileDocument | HttpsDocument:
    if oauth.jwks_file is not None:
        return FileDocument(oauth.jwks_file)
    assert oauth.jwks_url is not None
    return HttpsDocument(oauth.jwks_url, oauth.jwks_hosts)


_MAKERS: Final[Mapping[str, Callable[..., Mechanism]]] = {
    ScramMechanism.SCRAM_SHA_512.sasl_name: _scram(ScramMechanism.SCRAM_SHA_512),
    ScramMechanism.SCRAM_SHA_256.sasl_name: _scram(ScramMechanism.SCRAM_SHA_256),
    "PLAIN": _plain,
    "OAUTHBEARER": _oauthbearer,
}
