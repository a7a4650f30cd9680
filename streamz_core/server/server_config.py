"""What can be set on a server.

Owns: ``ServerConfig``: names, units, defaults and the check of values.
Must not know: what the server does with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streamz_core.errors import Misuse
from streamz_core.server.limits import Limits
from streamz_core.server.security.security_config import SecurityConfig, is_loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Where a server listens and what it allows. Raises ``Misuse`` naming the setting and what is allowed.

    >>> ServerConfig(host="127.0.0.1", port=9092).is_loopback
    True
    """

    host: str | None = "127.0.0.1"
    """The address to listen at: a name is looked up. None: no port at all."""
    port: int = 9092
    """0 takes any that is free."""
    advertised_host: str | None = None
    """What clients are told to connect to; None: ``host``."""
    advertised_port: int | None = None
    """The same; None: the port that is listened at."""
    socket_path: str | None = None
    """A Unix socket besides, for processes of the same user: they may do what the user may do with the files."""
    security: SecurityConfig = field(default_factory=SecurityConfig)
    """TLS, who may connect and as whom."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, port in (("port", self.port), ("advertised_port", self.advertised_port)):
            if port is not None and not 0 <= port < 65_536:
                raise Misuse(f"server setting {name}={port!r}: allowed are whole numbers from 0 to 65535")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host is None or is_loopback(self.host)


def parse_listen(text: str) -> tuple[str, int]:
    """Read ``host:port``; an IPv6 address stands in brackets.

    >>> parse_listen("127.0.0.1:9092")
    ('127.0.0.1', 9092)
    >>> parse_listen("[::1]:0")
    ('::1', 0)
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdecimal() or not int(port) < 65_536:
        raise Misuse(f"the address to listen at is host:port, such as 127.0.0.1:9092; got {text!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)
