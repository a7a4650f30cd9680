"""What is known of the peer of one connection.

Owns: ``Session``, ``Membership``.
Must not know: sockets, requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

ANONYMOUS: Final = "User:ANONYMOUS"
"""Who has not authenticated, where nobody has to (Kafka's name)."""


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
    """Whether it may ask for more than how to authenticate."""
    principal: str = ANONYMOUS
    client_id: str = ""
    """As its latest request says."""
    is_local: bool = False
    """Whether it came by the Unix socket: a process of the data's own user, which is gone when its connection is."""
    memberships: set[Membership] = field(default_factory=set)
    """Of a local peer: the groups that it has joined over this connection."""
    client_software: str = ""
    """Name and version, as its ApiVersions request says."""
