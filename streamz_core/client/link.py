"""What every client has to its broker: something to send typed requests to.

Owns: ``Link``.
Must not know: whether the broker is in this process or behind a socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from streamz_core.clock import Clock
    from streamz_core.protocol.messages.request import Request

R = TypeVar("R")


class Link(Protocol):
    """A way to one broker or cluster. ``clock`` is the time by which its users wait.

    A link may have ``checks_reads``, true where it hands over fetched batches in the memory in which their
    checksums were compared: its consumers need not do that again.
    """

    @property
    def clock(self) -> Clock:
        """The clock that deadlines of this link's users are measured by."""

    async def send(self, request: Request[R]) -> R:
        """Have ``request`` carried out and return the answer, error codes included.

        Waits as long as the broker takes: deadlines are the caller's. Once sent, a request may take
        effect even if the caller is cancelled. Raises ``LinkClosed`` after ``close``.
        """

    async def close(self) -> None:
        """Give the link up; again does nothing."""
