"""Where a broker listens.

Owns: ``Endpoint``.
Must not know: how it is connected to.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port; or a Unix socket's path, for a broker of the same user on the same machine."""

    host: str = ""
    port: int = -1
    path: str | None = None

    def __str__(self) -> str:
        """As an address.

        >>> str(Endpoint("::1", 9092)), str(Endpoint(path="/data/broker.sock"))
        ('kafka://[::1]:9092', 'unix:/data/broker.sock')
        """
        if self.path is not None:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"kafka://{host}:{self.port}"
