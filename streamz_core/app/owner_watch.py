"""Whether the process that owns the log is still there.

Owns: learning of it at once, by a connection to the owner over which nothing is ever said. A link learns of it as well,
by the first request that is not answered; both call it ``ConnectionLost``.
Must not know: links, apps.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.aio import unix_socket
from streamz_core.client.errors import ConnectionLost

if TYPE_CHECKING:
    import socket

logger: Final = logging.getLogger(__name__)


class OwnerWatch:
    """Watches the owner of a data directory, by its socket, until ``close``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._gone: asyncio.Future[ConnectionLost] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Connect to the owner; one that listens at no socket is not watched."""
        try:
            self._socket = unix_socket.connected(self._path)
        except OSError as error:
            logger.debug("%s: %s: its owner is not watched", self._path, error)
            return
        asyncio.get_running_loop().add_reader(self._socket, self._ended)

    async def wait_failed(self) -> BaseException:
        """``ConnectionLost``, once it is."""
        return await asyncio.shield(self._gone)

    def close(self) -> None:
        """Watch no more; again does nothing."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _ended(self) -> None:
        # The owner says nothing here: what can be read is the end.
        self.close()
        if not self._gone.done():
            self._gone.set_result(
                ConnectionLost(f"the process that served {self._path} has ended: start again")
            )
