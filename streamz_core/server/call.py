"""One request of a connection, decoded.

Owns: ``Call``, ``ConnectionEnded`` and ``Answering``, what a conversation asks of whoever answers.
Must not know: frames, sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from streamz_core.errors import Fatal

if TYPE_CHECKING:
    from streamz_core.protocol.messages.request import Request
    from streamz_core.protocol.wire.headers import RequestHeader
    from streamz_core.server.outlet import Buffer
    from streamz_core.server.session import Session


class ConnectionEnded(Fatal):
    """There is no answer to what the peer sent but to close its connection, for this reason."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, and what of its header the answer depends on."""

    request: Request[Any]
    header: RequestHeader
    session: Session
    may_overlap: bool = False
    """Whether the next such call may begin while this one waits: what it does it does at its first step."""
    is_wait: bool = False
    """Whether giving it up changes nothing: it only waits for something to read."""


class Answering(Protocol):
    """Whoever answers requests."""

    def begin(self, session: Session, certificate: dict[str, Any] | None) -> None:
        """A connection stands, whose peer has shown this certificate (as ``ssl`` describes it), or none."""

    def read(self, session: Session, frame: bytearray) -> Call:
        """Decode a request; raises ``ConnectionEnded``."""

    async def answer(self, call: Call) -> list[Buffer] | None:
        """The frame to send, None where the request wants no answer; raises ``ConnectionEnded``."""

    async def unmuted(self, session: Session) -> None:
        """Return when what the peer asks may be answered again: where ``muted_until_ms`` says that it may not."""
