"""The one error of the wire codec: bytes that are not the message they should be.

Owns: ``MalformedMessage``.
Must not know: who sent the bytes; whoever holds the connection adds that.
"""

from __future__ import annotations

from streamz_core.errors import Fatal


class MalformedMessage(Fatal):
    """A message ends too early or too late, announces more than is there, or has a value that cannot be.

    ``position`` is the byte of the message's body near which it was noticed, -1 where that is not known. Nothing
    of such a message is given out; who receives one closes the connection, for what follows cannot be told apart.
    """

    def __init__(self, message: str, position: int, reason: str) -> None:
        at = f" at byte {position}" if position >= 0 else ""
        super().__init__(f"malformed {message}{at}: {reason}")
        self.position = position
        self.reason = reason
