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

    @classmethod
    def at(
        cls,
        listen: str,
        *,
        advertise: str | None = None,
        security: SecurityConfig | None = None,
        limits: Limits | None = None,
    ) -> ServerConfig:
        """What ``streamz server`` and ``App(listen=...)`` are told: addresses as ``host:port``.

        ``advertise`` is what clients are told to connect to, if not that.

        >>> ServerConfig.at("0.0.0.0:9092", advertise="kafka.example.org:9093").advertised_port
        9093
        """
        host, port = parse_listen(listen)
        told = (None, None) if advertise is None else parse_listen(advertise)
        return cls(
            host=host,
            port=port,
            advertised_host=told[0],
            advertised_port=told[1],
            security=security or SecurityConfig(),
            limits=limits or Limits(),
        )

    @property
    def address(self) -> str:
        """Where it listens, as it is written; empty without a port."""
        return "" if self.host is None else spelled(self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host is None or is_loopback(self.host)


def spelled(host: str, port: int) -> str:
    """``host:port``; an IPv6 address stands in brackets.

    >>> spelled("::1", 9092)
    '[::1]:9092'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
