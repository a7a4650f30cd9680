"""How a client connects: the parameters that producer, consumer and admin client share.

Owns: ``LinkSettings``: names, units and defaults.
Must not know: sockets; which values are allowed together (``client.settings``).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final, Protocol

from streamz_core.secret import Secret

CLIENT_SOFTWARE: Final = "streamz-core"


class TokenProvider(Protocol):
    """Gives OAuth tokens; ``client.tls.AbstractTokenProvider`` is aiokafka's form of it."""

    async def token(self) -> str:
        """A token that is valid now."""

    def extensions(self) -> dict[str, str]:
        """What to send along with the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a login needs, by SASL mechanism."""

    mechanism: str = "PLAIN"
    username: str | None = None
    password: Secret | None = None
    token_provider: TokenProvider | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """Times are milliseconds."""

    client_id: str = "streamz"
    ssl_context: ssl.SSLContext | None = None
    credentials: Credentials | None = None
    """None: nobody logs in."""
    connect_timeout_ms: float = 10_000
    """For everything from the first packet to the end of the login."""
    open_timeout_ms: float = 30_000
    """How long brokers are looked for when a link is opened."""
    request_timeout_ms: float = 40_000
    """How long an answer may take beyond what its request allows before the connection counts as dead."""
    connections_max_idle_ms: float = 540_000
    """After so long with nothing to answer a connection is closed, and made again when it is needed."""
    reconnect_backoff_ms: float = 50
    reconnect_backoff_max_ms: float = 1_000
    frame_bytes_max: int = field(default=512 * 1024 * 1024)
    """A response that claims to be larger ends its connection."""
