"""A clock for a client and a server that speak through a socket of the same event loop.

Owns: ``SocketClock``: a ``ManualClock`` to which a loop is quiet when nothing has come through a socket either.
Must not know: who speaks.
"""

from __future__ import annotations

from streamz_core.testing.manual_clock import ManualClock

QUIET_TURNS = 4
"""A request takes one turn of the loop to be seen, and so does its answer; what is written to a Unix socket is there
to be read at once."""


class SocketClock(ManualClock):
    """Time under a test's control, for both ends of a Unix socket."""

    async def settle(self) -> None:
        """Let every task run until all wait for something, and nothing is on its way."""
        for _ in range(QUIET_TURNS):
            await super().settle()
