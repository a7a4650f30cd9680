"""What is known of the peer of one connection.

Owns: ``Session``.
Must not know: sockets, requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ANONYMOUS: Final = "User:ANONYMOUS"
"""Who has not authenticated, where nobody has to (Kafka's name)."""


@dataclass(slots=True)
class Session:
    """One peer, from its connection to its end."""

    client_host: str
    """Its address, as group descriptions show it: ``/127.0.0.1``."""
    is_admitted: bool = True
    """Whether it may ask for more than how to authenticate."""
    principal: str = ANONYMOUS
    client_id: str = ""
    """As its latest request says."""
    client_software: str = ""
    """Name and version, as its ApiVersions request says."""
