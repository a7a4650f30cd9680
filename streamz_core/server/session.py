"""What is known of the peer of one connection.

Owns: ``Session``, ``Membership``.
Must not know: sockets, requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from streamz_core.server.security.authenticator import ANONYMOUS

if TYPE_CHECKING:
    from streamz_core.server.security.authenticator import Authenticator


class Membership(NamedTuple):
    """A member of a group."""

    group_id: str
    member_id: str


@dataclass(slots=True)
class Session:
    """One peer, from its connection to its end."""

    client_host: str
    """Its address, as group descriptions show it: ``/127.0.0.1``; ``/local`` by the Unix socket."""
    is_admitted: bool = True
    """Whether it has authenticated, where it has to."""
    authenticator: Authenticator | None = None
    """How it does; None: it has not to, and cannot."""
    client_id: str = ""
    """As its latest request says."""
    is_local: bool = False
    """Whether it came by the Unix socket: a process of the data's own user, which is gone when its connection is."""
    memberships: set[Membership] = field(default_factory=set)
    """Of a local peer: the groups that it has joined over this connection."""
    client_software: str = ""
    """Name and version, as its ApiVersions request says."""
    muted_until_ms: float = 0.0
    """Until when, on the monotonic clock, nothing more is read of it: it is beyond a quota. 0: it is not."""

    @property
    def address(self) -> str:
        """Its address by itself."""
        return self.client_host.removeprefix("/")

    @property
    def principal(self) -> str:
        """Who it is, as far as it has been proved."""
        return ANONYMOUS if self.authenticator is None else self.authenticator.principal

    @property
    def user(self) -> str:
        """The name of that, as quotas have it."""
        return self.principal.partition(":")[2]

    @property
    def is_over(self) -> bool:
        """Whether the connection has to be closed once what was asked is answered."""
        return self.authenticator is not None and self.authenticator.is_over

    def begin(self, authenticator: Authenticator) -> None:
        """The connection stands; from here on ``authenticator`` knows who it is."""
        self.authenticator = authenticator
        self.is_admitted = not authenticator.is_stranger
