"""Where a connection is on its way to being authenticated: a table.

Owns: the states, what can happen, and where that leads; whatever is not in the table ends the connection.
Must not know: mechanisms, messages, connections.

Source: KIP-43, KIP-152, KIP-368
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class SaslState(Enum):
    """What a connection may do next."""

    OPEN = "open"
    """Nobody has to authenticate by SASL here: anything but that."""
    NEW = "new"
    """Ask which versions there are, or choose a mechanism."""
    EXCHANGING = "exchanging"
    """Send the next message of the exchange, and nothing else."""
    AUTHENTICATED = "authenticated"
    """Anything; also authenticate again."""
    EXPIRED = "expired"
    """Authenticate again, and nothing else."""
    EXCHANGING_AGAIN = "exchanging again"
    """As ``EXCHANGING``; the principal must stay the same."""
    ENDED = "ended"
    """Nothing."""


class SaslEvent(Enum):
    """What happens to a connection."""

    VERSIONS = "asks for versions"
    HANDSHAKE = "chooses a mechanism that there is"
    UNKNOWN_MECHANISM = "chooses another"
    CONTINUED = "sent a message of the exchange that another must follow"
    PROVEN = "sent the message that proves who it is"
    FAILED = "sent one that does not"
    OTHER = "asks for anything else"
    EXPIRY = "its session has reached its end"


_S, _E = SaslState, SaslEvent
TRANSITIONS: Final[Mapping[tuple[SaslState, SaslEvent], SaslState]] = {
    (_S.OPEN, _E.VERSIONS): _S.OPEN,
    (_S.OPEN, _E.OTHER): _S.OPEN,
    (_S.NEW, _E.VERSIONS): _S.NEW,
    (_S.NEW, _E.HANDSHAKE): _S.EXCHANGING,
    (_S.EXCHANGING, _E.CONTINUED): _S.EXCHANGING,
    (_S.EXCHANGING, _E.PROVEN): _S.AUTHENTICATED,
    (_S.AUTHENTICATED, _E.VERSIONS): _S.AUTHENTICATED,
    (_S.AUTHENTICATED, _E.OTHER): _S.AUTHENTICATED,
    (_S.AUTHENTICATED, _E.HANDSHAKE): _S.EXCHANGING_AGAIN,
    (_S.AUTHENTICATED, _E.EXPIRY): _S.EXPIRED,
    (_S.EXPIRED, _E.VERSIONS): _S.EXPIRED,
    (_S.EXPIRED, _E.HANDSHAKE): _S.EXCHANGING_AGAIN,
    (_S.EXCHANGING_AGAIN, _E.CONTINUED): _S.EXCHANGING_AGAIN,
    (_S.EXCHANGING_AGAIN, _E.PROVEN): _S.AUTHENTICATED,
}
"""Everything else leads to ``ENDED``."""


def after(state: SaslState, event: SaslEvent) -> SaslState:
    """The state that ``event`` leads to."""
    return TRANSITIONS.get((state, event), SaslState.ENDED)


def may(state: SaslState, event: SaslEvent) -> bool:
    """Whether the connection goes on after ``event``."""
    return (state, event) in TRANSITIONS
