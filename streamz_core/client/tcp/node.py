"""One broker of a cluster: the connections to it.

Owns: ``Node``: which request goes over which connection, connecting, and not connecting too often.
Must not know: other brokers, what to do about one that cannot be reached.

A broker answers the requests of a connection one after the other. What may wait (a fetch, joining a group) therefore
has a connection to itself for as long as it waits; what is answered at once shares one, and what is produced another.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import ssl
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from streamz_core.aio import unix_socket
from streamz_core.aio.deadline import wait_for
from streamz_core.client.errors import AuthenticationFailedError, KafkaConnectionError, LinkClosed
from streamz_core.client.tcp.connection import Connection
from streamz_core.client.tcp.login import Login, log_in
from streamz_core.protocol.messages.fetch import FetchRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.join_group import JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.sync_group import SyncGroupRequest

if TYPE_CHECKING:
    from streamz_core.client.tcp.endpoint import Endpoint
    from streamz_core.client.tcp.link_settings import LinkSettings
    from streamz_core.clock import Clock
    from streamz_core.protocol.messages.request import Request

_log: Final = logging.getLogger(__name__)

ABANDONED_MAX: Final = 4
"""Connections on which nobody waits for the answer any more: beyond so many, the oldest is closed."""
SYNC_WAIT_MS: Final = 300_000
"""How long the others of a group may take, where the request does not say."""


class CannotReach(KafkaConnectionError):
    """A broker cannot be connected to now."""


class Lane(Enum):
    """What shares a connection."""

    QUICK = "answered at once"
    PRODUCE = "waits for the disk, in its order"
    FETCH = "waits for records"
    GROUP = "waits for the other members of a group"


_OF_MEMBERS: Final = (JoinGroupRequest, SyncGroupRequest, HeartbeatRequest, LeaveGroupRequest)
_ALONE: Final = frozenset({Lane.FETCH, Lane.GROUP})
"""Lanes whose requests have a connection to themselves."""


class _Live:
    """A connection that is logged in."""

    __slots__ = ("connection", "expires_at_ms", "login")

    def __init__(self, connection: Connection, login: Login, now_ms: float) -> None:
        self.connection = connection
        self.login = login
        self.expires_at_ms = None if login.lifetime_ms is None else now_ms + login.lifetime_ms

    def is_usable(self, now_ms: float) -> bool:
        """Whether requests may be sent over it."""
        return self.connection.is_open and (self.expires_at_ms is None or now_ms < self.expires_at_ms)


class Node:
    """The connections to one broker; ``send`` until ``close``."""

    def __init__(self, endpoint: Endpoint, settings: LinkSettings, clock: Clock, space: bytearray) -> None:
        self.endpoint = endpoint
        self.takes_several_batches = False
        self._settings = settings
        self._clock = clock
        self._space = space
        self._shared: dict[Lane, _Live] = {}
        self._opening: dict[Lane, asyncio.Task[_Live]] = {}
        self._alone_in: dict[Lane, list[_Live]] = {lane: [] for lane in _ALONE}
        self._is_missed = False
        """Whether it could not be connected to the last time."""
        self._closed = False

    async def send(self, request: Request[Any]) -> Any:
        """The answer. Raises ``ConnectionBroken``, ``CannotReach``, and what ``log_in`` raises."""
        lane = lane_of(request)
        live = await (self._alone(lane) if lane in _ALONE else self._together(lane))
        is_answered = not (isinstance(request, ProduceRequest) and request.acks == 0)
        version = live.login.versions.pick(request)
        allowed_ms = self._settings.request_timeout_ms + wait_of_ms(request)
        return await live.connection.ask(request, version, allowed_ms, is_answered=is_answered)

    async def connect(self) -> None:
        """See whether the broker can be reached and lets us in; raises as ``send``."""
        await self._together(Lane.QUICK)

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        for live in (*self._shared.values(), *itertools.chain(*self._alone_in.values())):
            live.connection.close("the link was closed")

    async def _together(self, lane: Lane) -> _Live:
        """The connection that this kind of request shares."""
        while True:
            live = self._shared.get(lane)
            if live is None or not live.is_usable(self._clock.monotonic_ms()):
                live = await self._opened(lane)
            await live.connection.writable()
            if live.connection.is_open:
                return live

    async def _opened(self, lane: Lane) -> _Live:
        """A new one, made once for all who wait for it."""
        opening = self._opening.get(lane)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._open(), name=f"connect to {self.endpoint}")
            self._opening[lane] = opening
            opening.add_done_callback(functools.partial(self._take, lane))
        # Shielded: who gives up waiting must not take the connection from the others who wait.
        return await asyncio.shield(opening)

    def _take(self, lane: Lane, opening: asyncio.Task[_Live]) -> None:
        del self._opening[lane]
        if not opening.cancelled() and opening.exception() is None:
            expired = self._shared.get(lane)
            if expired is not None:
                # Its session is about to end: what was asked is answered still, nothing else is asked.
                self._alone_in[Lane.FETCH].append(expired)
            self._shared[lane] = opening.result()

    async def _alone(self, lane: Lane) -> _Live:
        """A connection on which nothing waits.

        The oldest first: a broker may take a member for gone when the connection is that it joined over.
        """
        lives = self._alone_in[lane]
        now_ms = self._clock.monotonic_ms()
        for live in lives:
            if live.connection.is_idle and not live.is_usable(now_ms):
                live.connection.close("it is not needed any more")
        lives[:] = [live for live in lives if live.connection.is_open]
        for live in lives:
            if live.connection.is_idle and live.is_usable(now_ms):
                return live
        abandoned = [live for live in lives if live.connection.is_abandoned]
        if lane is Lane.FETCH and len(abandoned) >= ABANDONED_MAX:
            abandoned[0].connection.close("nobody waits for its answer any more")
        live = await self._open()
        lives.append(live)
        return live

    async def _open(self) -> _Live:
        if self._closed:
            raise LinkClosed(f"the link to {self.endpoint} is closed")
        try:
            live = await self._connected_in_time()
        except CannotReach as error:
            # Once an outage: whoever waits for this broker tries again and again.
            _log.log(logging.DEBUG if self._is_missed else logging.WARNING, "%s; trying again", error)
            self._is_missed = True
            raise
        if self._is_missed:
            _log.warning("%s is reached again", self.endpoint)
            self._is_missed = False
        return live

    async def _connected_in_time(self) -> _Live:
        settings = self._settings
        try:
            return await wait_for(
                self._clock,
                self._connected(),
                settings.connect_timeout_ms,
                what=f"connecting to {self.endpoint}",
            )
        except ssl.SSLCertVerificationError as error:
            # Asking again would not make it another's certificate.
            why = f"{self.endpoint} cannot be trusted: {error.verify_message}"
            raise AuthenticationFailedError(why) from error
        except (OSError, TimeoutError) as error:
            raise CannotReach(f"{self.endpoint} cannot be reached: {error}") from error

    async def _connected(self) -> _Live:
        settings = self._settings
        connection = Connection(
            self.endpoint,
            self._clock,
            self._space,
            client_id=settings.client_id,
            frame_bytes_max=settings.frame_bytes_max,
            # A broker takes a process of its own machine for gone when a connection of its is.
            idle_ms=settings.connections_max_idle_ms if self.endpoint.path is None else None,
        )
        loop = asyncio.get_running_loop()
        try:
            if self.endpoint.path is not None:
                sock = unix_socket.connected(self.endpoint.path)
                await loop.create_unix_connection(lambda: connection, sock=sock)
            else:
                host, port, context = self.endpoint.host, self.endpoint.port, settings.ssl_context
                await loop.create_connection(lambda: connection, host, port, ssl=context)
            login = await log_in(connection, settings, self.endpoint)
        except BaseException:
            connection.close("the login was not finished")
            raise
        self.takes_several_batches = login.versions.takes_several_batches
        return _Live(connection, login, self._clock.monotonic_ms())


def lane_of(request: Request[Any]) -> Lane:
    """What ``request`` may share a connection with."""
    if isinstance(request, ProduceRequest):
        return Lane.PRODUCE
    if isinstance(request, FetchRequest):
        return Lane.FETCH
    return Lane.GROUP if isinstance(request, _OF_MEMBERS) else Lane.QUICK


def wait_of_ms(request: Request[Any]) -> float:
    """How long the broker is allowed to take by the request itself."""
    if isinstance(request, FetchRequest | HeartbeatRequest):
        return request.max_wait_ms
    if isinstance(request, JoinGroupRequest):
        return max(request.rebalance_timeout_ms, request.session_timeout_ms)
    if isinstance(request, SyncGroupRequest):
        return SYNC_WAIT_MS
    timeout_ms: int = getattr(request, "timeout_ms", 0)
    return max(timeout_ms, 0)
