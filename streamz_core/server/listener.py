"""Listening, and letting in as many as there may be.

Owns: the listening sockets, ``Listener``, and whom it turns away.
Must not know: what connections do.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from collections import Counter
from typing import TYPE_CHECKING, Final

from streamz_core.aio import unix_socket
from streamz_core.aio.deadline import sleep
from streamz_core.errors import Fatal
from streamz_core.server.connection import Connection
from streamz_core.server.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from streamz_core.server.connection import Host
    from streamz_core.server.quotas.throttle import Throttle
    from streamz_core.server.server_config import ServerConfig

_log: Final = logging.getLogger(__name__)

BACKLOG: Final = 512
RETRY_MS: Final = 100
"""How long nobody is accepted after the machine had no room for one more."""
TURNED_AWAY_MAX: Final = 256
"""How many that connect too often are left waiting for their end."""
LOCAL: Final = "local"
"""The address of all who come by the Unix socket."""
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class CannotListen(Fatal):
    """The address cannot be listened at."""


def bind_local(path: str) -> socket.socket:
    """A listening Unix socket at ``path``; raises ``CannotListen``. For the owner of the data directory alone."""
    try:
        return unix_socket.listen(path, BACKLOG)
    except OSError as error:
        raise CannotListen(f"cannot listen at {path}: {error.strerror or error}") from error


async def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets at each address that ``host`` stands for; raises ``CannotListen``."""
    loop = asyncio.get_running_loop()
    sockets: list[socket.socket] = []
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            # With port 0 the first address draws one, and the others take the same.
            drawn = sockets[0].getsockname()[1] if sockets and port == 0 else port
            sockets.append(_listening(family, (address[0], drawn, *address[2:])))
    except OSError as error:
        for one in sockets:
            one.close()
        raise CannotListen(
            f"cannot listen at {host}:{port}: {error.strerror or error}; choose another port or address"
        ) from error
    return sockets


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def files_allowed() -> int:
    """How many files and sockets this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Listener:
    """Accepts at one listening socket. ``accept`` runs in a task of its own."""

    def __init__(
        self,
        host: Host,
        config: ServerConfig,
        ssl_context: Callable[[], ssl.SSLContext | None],
        count: Callable[[], int],
        throttle: Throttle,
    ) -> None:
        """``ssl_context`` gives what a connection begins TLS with, ``count`` how many the server has."""
        self._host = host
        self._config = config
        self._ssl_context = ssl_context
        self._count = count
        self._throttle = throttle
        limits = config.limits
        # Half of the files are the log's: a peer must not be able to keep a segment from being opened.
        self._connections_max = min(limits.connections_max, max(1, files_allowed() // 2))
        self._per_address: Counter[str] = Counter()
        self._handshakes = asyncio.Semaphore(limits.handshakes_max)
        self._admissions: dict[asyncio.Task[None], float] = {}
        """Connections that are being let in, and since when, the oldest first."""
        self._turned_away: set[socket.socket] = set()

    async def accept(self, listening: socket.socket) -> None:
        """Accept until cancelled."""
        loop, clock = asyncio.get_running_loop(), self._host.clock
        while True:
            await self._handshakes.acquire()
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError as error:
                self._handshakes.release()
                if error.errno in _NO_ROOM:
                    _log.warning("cannot accept a connection: %s; trying again in %d ms", error, RETRY_MS)
                await sleep(clock, RETRY_MS if error.errno in _NO_ROOM else 0)
                continue
            except BaseException:
                self._handshakes.release()
                raise
            where = LOCAL if listening.family is socket.AF_UNIX else str(address[0])
            if (wait_ms := 0.0 if where == LOCAL else self._throttle.connected(where)) > 0:
                self._handshakes.release()
                self._turn_away(sock, where, wait_ms)
            else:
                task = loop.create_task(self._admit(sock, where), name=f"admit {where}")
                self._admissions[task] = clock.monotonic_ms()
                task.add_done_callback(self._admitted)
            await asyncio.sleep(0)  # a flood of connections must not hold up those there are

    async def close(self) -> None:
        """Give up those that are being let in, or turned away."""
        for sock in self._turned_away:
            sock.close()
        self._turned_away.clear()
        for task in self._admissions:
            task.cancel()
        if self._admissions:
            await asyncio.wait(self._admissions)

    def hurry(self, now_ms: float) -> None:
        """Where others wait for their turn to be let in, those that have long had theirs are given up.

        A handshake takes milliseconds. Who begins as many as there may be and says nothing more holds up the others
        for a second at a time, and not for as long as a handshake may take.
        """
        if self._handshakes.locked():
            for task, since_ms in self._admissions.items():
                if now_ms - since_ms >= self._config.limits.full_stall_ms:
                    task.cancel()

    def left(self, connection: Connection) -> None:
        """A connection has ended."""
        address = connection.session.client_host.removeprefix("/")
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def _turn_away(self, sock: socket.socket, address: str, wait_ms: float) -> None:
        """Close it in a while: who is turned away at once is back at once."""
        if len(self._turned_away) >= TURNED_AWAY_MAX:
            sock.close()
            return
        _log.info("turning away %s in %d ms: it connects too often", address, wait_ms)
        self._turned_away.add(sock)

        def close() -> None:
            self._turned_away.discard(sock)
            sock.close()

        self._host.clock.call_later(wait_ms, close)

    def _refusal(self, address: str) -> str | None:
        if self._count() >= self._connections_max:
            return f"there are {self._connections_max} connections already"
        limit = self._config.limits.connections_per_address_max
        return f"it has {limit} connections already" if self._per_address[address] >= limit else None

    async def _admit(self, sock: socket.socket, address: str) -> None:
        refusal = self._refusal(address)
        if refusal is not None:
            _log.warning("turning away %s: %s", address, refusal)
            sock.close()
            return
        self._per_address[address] += 1
        config, made = self._config, False
        is_local = sock.family is socket.AF_UNIX
        tls = None if is_local else self._ssl_context()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not is_local:
            # Otherwise an answer waits until the peer has acknowledged the one before, 40 ms; asyncio sees to it only
            # where a socket says that its protocol is TCP, which an accepted one does not.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def connection() -> Connection:
            session = Session(f"/{address}", is_local=is_local)
            return Connection(self._host, session, None if tls else sock)

        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                connection,
                sock,
                ssl=tls,
                ssl_handshake_timeout=config.limits.handshake_ms / 1000 if tls else None,
            )
            made = True
        except OSError as error:  # also what TLS does not like
            _log.warning("no connection with %s: %s", address, error)
        finally:
            if not made:
                self._per_address[address] -= 1

    def _admitted(self, task: asyncio.Task[None]) -> None:
        del self._admissions[task]
        self._handshakes.release()
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.error("admitting a connection failed", exc_info=failure)
