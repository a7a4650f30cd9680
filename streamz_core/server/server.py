"""The wire port of a broker: from listening to the last answer.

Owns: ``Server``: its listening sockets, its connections, watching over them, and stopping in order.
Must not know: what requests mean; who opened the broker, and who closes it.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.aio import unix_socket
from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.aio.signal import Signal
from streamz_core.aio.supervisor import Supervisor
from streamz_core.broker.broker import BrokerClosed, BrokerState
from streamz_core.protocol.wire.framing import receive_space
from streamz_core.server import memberships
from streamz_core.server.dispatch import Dispatcher
from streamz_core.server.in_flight import InFlightBytes
from streamz_core.server.listener import CannotListen, Listener, bind, bind_local
from streamz_core.server.quotas.throttle import Throttle
from streamz_core.server.security.door import Door
from streamz_core.server.server_config import ServerConfig, spelled

if TYPE_CHECKING:
    import socket

    from streamz_core.broker.broker import Broker
    from streamz_core.clock import Clock
    from streamz_core.protocol.messages.leave_group import LeaveGroupRequest
    from streamz_core.server.connection import Connection
    from streamz_core.server.limits import Limits

_log: Final = logging.getLogger(__name__)

_EVERY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
"""What stands for every address of this machine, and one of them."""
WATCH_MS: Final = 1_000
"""How often connections are looked at."""


class Server:
    """A broker's wire port; made by ``start``, ends with ``close``. The broker stays open.

    server = await Server.start(broker, ServerConfig(port=9092))
    print(server.host, server.port)
    await server.close()
    """

    def __init__(
        self, broker: Broker, config: ServerConfig, door: Door, sockets: list[socket.socket]
    ) -> None:
        """Use ``start``."""
        self.config = config
        self.limits: Limits = config.limits
        self.clock: Clock = broker.clock
        self.in_flight = InFlightBytes(config.limits.in_flight_bytes_max)
        self.door = door
        self.throttle = Throttle(broker.quotas, broker.clock)
        self.answering = Dispatcher(broker, config.limits, self.in_flight, self.door, self.throttle)
        self.receive_space = receive_space()
        self.port: int = sockets[0].getsockname()[1] if config.host is not None else -1
        """Where it listens; -1 without a port."""
        self._broker = broker
        self._sockets = sockets
        self._connections: dict[Connection, None] = {}
        self._count = Signal(0)
        self._listener = Listener(
            self, config, lambda: door.ssl_context, lambda: len(self._connections), self.throttle
        )
        self._background = Supervisor(f"server at {self.address}", on_failure=self._failed)
        self._is_closing = False

    @classmethod
    async def start(cls, broker: Broker, config: ServerConfig = ServerConfig()) -> Server:  # noqa: B008
        """Listen, and have the broker tell clients and other processes of this machine where.

        Raises ``CannotListen``; ``Misuse`` where the configuration would open the broker to everybody, or cannot be
        carried out.
        """
        config.security.check_bind(config.host)
        door = Door(config.security, broker, broker.clock)
        sockets = [] if config.host is None else await bind(config.host, config.port)
        if config.socket_path is not None:
            try:
                sockets.append(bind_local(config.socket_path))
            except CannotListen:
                _close(sockets)
                raise
        server = cls(broker, config, door, sockets)
        broker.advertise(*server.advertised, is_local=config.socket_path is not None)
        for one in sockets:
            server._background.spawn(server._listener.accept(one), name=f"accept at {one.getsockname()}")
        server._background.spawn(server._watch(), name="watch")
        if door.certificates is not None:
            server._background.spawn(door.certificates.watch(broker.clock), name="certificates")
        _log.info("listening at %s (%s)", server.address, config.security.protocol)
        warning = config.security.warning(config.host)
        if warning is not None:
            _log.warning("%s", warning)
        if config.host in _EVERY and config.advertised_host is None:
            _log.warning(
                "clients of other machines are told to connect to %s: say how they reach this one (advertise)",
                server.advertised[0],
            )
        return server

    @property
    def host(self) -> str:
        """Where it listens; empty without a port."""
        return self.config.host or ""

    @property
    def address(self) -> str:
        """As ``bootstrap_servers`` takes it; without a port the path of the Unix socket."""
        if not self.host:
            return self.config.socket_path or ""
        return spelled(self.host, self.port)

    @property
    def advertised(self) -> tuple[str, int]:
        """What clients are told to connect to; an empty host without a port."""
        config = self.config
        return config.advertised_host or _reachable(self.host), config.advertised_port or self.port

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    async def wait_failed(self) -> BaseException:
        """The reason why it cannot go on, once there is one."""
        return await self._background.wait_failed()

    def renew_certificates(self) -> None:
        """Look at the certificates' files now, and not only in a while."""
        if self.door.certificates is not None and not self._is_closing:
            self._background.spawn(self.door.certificates.look(), name="look at certificates")

    async def close(self) -> None:
        """Stop listening, answer what is in hand within ``drain_ms``, close every connection; again only waits."""
        self._is_closing = True
        await self._background.close()
        _close(self._sockets)
        if self.config.socket_path is not None:
            unix_socket.remove(self.config.socket_path)
        await self._listener.close()
        if self._broker.state is BrokerState.OPEN:
            self._broker.advertise("", -1)
        for connection in tuple(self._connections):
            connection.drain()
        try:
            await wait_for(
                self.clock, self._count.wait(0), self.limits.drain_ms, what=f"draining {self.address}"
            )
        except TimeoutError as late:
            _log.warning("%s: closing %d connections with requests in hand", late, len(self._connections))
            for connection in tuple(self._connections):
                connection.stop()
            await self._count.wait(0)

    # -- what connections call ----------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """See ``connection.Host``."""
        self._connections[connection] = None
        self._count.set(len(self._connections))

    def ended(self, connection: Connection) -> None:
        """See ``connection.Host``."""
        self._connections.pop(connection, None)
        self._listener.left(connection)
        self._count.set(len(self._connections))
        # With the server the broker ends as well, or its other users go on: nobody is gone because of it.
        for leaving in () if self._is_closing else memberships.leaving(connection.session):
            self._background.spawn(self._leave(leaving), name=f"leave {leaving.group_id}")

    # -- inside -------------------------------------------------------------------------------------

    async def _leave(self, request: LeaveGroupRequest) -> None:
        with contextlib.suppress(BrokerClosed):
            await self._broker.handle(request)

    async def _watch(self) -> None:
        while True:
            await sleep(self.clock, WATCH_MS)
            now_ms = self.clock.monotonic_ms()
            self._listener.hurry(now_ms)
            for connection in tuple(self._connections):
                reason = connection.overdue(now_ms)
                if reason is not None:
                    connection.abort(reason)

    def _failed(self, failure: BaseException) -> None:
        _log.critical("the server at %s failed", self.address, exc_info=failure)


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def _reachable(host: str) -> str:
    """An address to connect to, for one to listen at."""
    return _EVERY.get(host, host)
