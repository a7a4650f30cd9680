"""The one server of a broker that several apps of a process share.

Owns: which broker of this process has one: at the socket in the data directory always, so that a second worker and
the command line work on a directory in use; at an address where one was asked for.
Must not know: how requests are answered, what apps do.
"""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from streamz_core.errors import Misuse
from streamz_core.server.listener import CannotListen
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig

if TYPE_CHECKING:
    from streamz_core.broker.broker import Broker

logger: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shared:
    server: Server
    listen: ServerConfig | None
    users: int = 0


_servers: Final[weakref.WeakKeyDictionary[Broker, _Shared]] = weakref.WeakKeyDictionary()
"""As the table of open brokers is: a socket belongs to a process, not to one of its apps."""


class SharedServer:
    """One user's hold on the server of a broker; made by ``share``."""

    def __init__(self, broker: Broker, shared: _Shared) -> None:
        self._broker = broker
        self._shared: _Shared | None = shared
        shared.users += 1

    async def wait_failed(self) -> BaseException:
        """The reason why it cannot go on, once there is one."""
        assert self._shared is not None
        return await self._shared.server.wait_failed()

    async def close(self) -> None:
        """Let go; the last user closes the server. Again does nothing."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        shared.users -= 1
        if not shared.users:
            _servers.pop(self._broker, None)
            await shared.server.close()


async def share(broker: Broker, listen: str | ServerConfig | None) -> SharedServer | None:
    """Serve ``broker`` to other processes; None where none of them could reach it: it is in memory, say.

    ``listen``: ``host:port`` to listen at besides, or that with TLS, logins and limits. Raises ``CannotListen``, and
    ``Misuse`` for what is no address or would be open to everybody, or where another user of this process has the
    broker listen in another way.
    """
    wanted = ServerConfig.at(listen) if isinstance(listen, str) else listen
    shared = _servers.get(broker)
    if shared is None:
        server = await _start(broker, wanted)
        if server is None:
            return None
        shared = _servers[broker] = _Shared(server, wanted)
    elif wanted not in (None, shared.listen):
        served = "no address" if shared.listen is None else _described(shared.listen)
        raise Misuse(
            f"listen={_described(wanted)}: another app of this process serves {broker.path} at {served}; "
            "give all of them the same address and settings"
        )
    return SharedServer(broker, shared)


def _described(config: ServerConfig) -> str:
    return f"{config.address} ({config.security.protocol})"


async def _start(broker: Broker, listen: ServerConfig | None) -> Server | None:
    path = broker.socket_path
    if listen is None and path is None:
        return None
    config = ServerConfig(host=None, port=0) if listen is None else listen
    try:
        return await Server.start(broker, replace(config, socket_path=path))
    except CannotListen as error:
        if listen is not None:
            raise
        # A file system without sockets is no reason not to work: only other processes have to do without.
        logger.warning("%s: no other process can share %s", error, broker.path)
        return None
