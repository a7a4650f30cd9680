"""How much a server holds for its peers.

Owns: ``InFlightBytes``: the sum over all connections, its bound, and who waits for room.
Must not know: what the bytes are.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class InFlightBytes:
    """Bytes of requests that are being received or wait, and of answers that are not yet read."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be taken in."""
        return self.used >= self.limit

    def change(self, by: int) -> None:
        """Count ``by`` more (or, negative, fewer) bytes; who waits for room is called where there is some now."""
        self.used += by
        while self._waiting and not self.is_full:
            self._waiting.popleft()()

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once there is room, in the order of asking."""
        self._waiting.append(callback)
