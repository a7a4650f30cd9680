"""How much a server holds for its peers.

Owns: ``InFlightBytes``: the sum over all connections, its bound, who waits for room, and who may go beyond.
Must not know: what the bytes are.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class InFlightBytes:
    """Bytes of requests that are being received or wait, and of answers that are not yet read.

    Were all that is held the beginnings of requests, none could ever end: so one of those who need more than there
    is may go beyond the limit, and then the next.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._waiting: deque[Callable[[], None]] = deque()
        self._beyond: object = None

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be taken in."""
        return self.used >= self.limit

    def change(self, by: int) -> None:
        """Count ``by`` more (or, negative, fewer) bytes; who waits for room is called where there is some now."""
        self.used += by
        while self._waiting and not self.is_full:
            self._waiting.popleft()()

    def may_go_on(self, who: object) -> bool:
        """Whether ``who`` may take more: there is room, or it is the one that may go beyond."""
        if not self.is_full:
            return True
        if self._beyond is None:
            self._beyond = who
        return self._beyond is who

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once it is worth asking again, in the order of asking."""
        self._waiting.append(callback)

    def needs_no_more(self, who: object) -> None:
        """``who`` has all it wanted; where it had gone beyond, another may."""
        if self._beyond is who:
            self._beyond = None
            if self._waiting:
                self._waiting.popleft()()
