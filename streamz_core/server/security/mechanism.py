"""What a SASL mechanism is.

Owns: ``Mechanism``, ``Exchange``, and the three things a message can lead to.
Must not know: any mechanism, connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from streamz_core.secret import Secret


class Continued(NamedTuple):
    """The peer has to answer ``message``."""

    message: bytes


class Proven(NamedTuple):
    """The peer is ``user``; ``message`` is the last word, ``expires_ms`` (wall clock) when it no longer holds."""

    user: str
    message: bytes = b""
    expires_ms: int | None = None


class Failed(NamedTuple):
    """The peer has not proved who it is. ``reason`` is for the audit alone: the peer is not told."""

    reason: str


Outcome = Continued | Proven | Failed


class Exchange(Protocol):
    """One attempt of one peer."""

    async def respond(self, message: Secret) -> Outcome:
        """Judge the peer's next message. Never raises for what a peer sends."""


class Mechanism(Protocol):
    """A way to prove who one is."""

    @property
    def name(self) -> str:
        """As SaslHandshake names it."""

    @property
    def needs_tls(self) -> bool:
        """Whether it shows the secret itself, so that it is offered over TLS only."""

    def begin(self) -> Exchange:
        """A new attempt."""
