"""One socket: bytes in to frames, answers out, and what the peer may not do.

Owns: ``Connection``: when it is read from, what it holds in memory, and when it has to go.
Must not know: what requests mean, other connections.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Flag, auto
from typing import TYPE_CHECKING, Final, Protocol

from streamz_core.protocol.wire.framing import BadFrame, FrameReader
from streamz_core.server.call import ConnectionEnded
from streamz_core.server.conversation import Conversation
from streamz_core.server.outlet import Outlet
from streamz_core.server.progress import Progress
from streamz_core.server.security.printable import printable

if TYPE_CHECKING:
    import socket

    from streamz_core.clock import Clock
    from streamz_core.server.call import Answering
    from streamz_core.server.in_flight import InFlightBytes
    from streamz_core.server.limits import Limits
    from streamz_core.server.session import Session

_log: Final = logging.getLogger(__name__)


class Host(Protocol):
    """The server as its connections see it."""

    @property
    def clock(self) -> Clock:
        """The time by which it waits."""

    @property
    def limits(self) -> Limits:
        """What connections may cost."""

    @property
    def in_flight(self) -> InFlightBytes:
        """What is held for all of them."""

    @property
    def answering(self) -> Answering:
        """Who answers requests."""

    @property
    def receive_space(self) -> bytearray:
        """What all of them are read into."""

    def opened(self, connection: Connection) -> None:
        """It can be used."""

    def ended(self, connection: Connection) -> None:
        """It is closed, and nothing it began goes on."""


class Hold(Flag):
    """Why nothing is read."""

    NONE = 0
    REQUESTS_WAIT = auto()
    NO_ROOM = auto()
    MUTED = auto()
    ENDING = auto()


class Connection(asyncio.BufferedProtocol):
    """One peer, from its connection to its end."""

    def __init__(self, host: Host, session: Session, sock: socket.socket | None) -> None:
        """``sock`` is the socket where answers may go to it as they are; None with TLS."""
        self.session = session
        self._host = host
        self._socket = sock
        self._frame_bytes_max = self._allowed_frame_bytes()
        self._reader = FrameReader(host.receive_space, self._frame_bytes_max)
        self._hold = Hold.NONE
        self._held_bytes = 0
        self._opened_ms = self._active_ms = host.clock.monotonic_ms()
        self._answered = 0
        self._reading = Progress()
        self._writing = Progress()
        self._transport: asyncio.Transport
        self._outlet: Outlet
        self._conversation: Conversation
        self._task: asyncio.Task[None]

    # -- what asyncio calls -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to answer."""
        assert isinstance(transport, asyncio.Transport)
        host = self._host
        self._transport = transport
        host.answering.begin(self.session, transport.get_extra_info("peercert"))
        self._reader.frame_bytes_max = self._frame_bytes_max = self._allowed_frame_bytes()
        self._outlet = Outlet(transport, self._socket)
        self._conversation = Conversation(
            self.session,
            host.answering,
            self._outlet,
            overlap_max=host.limits.requests_overlapping_max,
            on_none_waiting=self._recount,
            on_muted=lambda on: self._set_hold(Hold.MUTED, on=on),
        )
        self._task = asyncio.get_running_loop().create_task(
            self._converse(), name=f"connection of {self.session.client_host}"
        )
        host.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._reader.space()

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        if self._frame_bytes_max < self._host.limits.frame_bytes_max:
            self._reader.frame_bytes_max = self._frame_bytes_max = self._allowed_frame_bytes()
        try:
            frames = self._reader.received(nbytes)
        except BadFrame as bad:
            self.abort(str(bad))
            return
        if frames:
            self._conversation.feed(frames)
        self._recount()

    def eof_received(self) -> bool:
        """The peer sends no more; what it has asked is answered (with TLS there is no such half)."""
        self._conversation.end()
        return self._socket is not None

    def pause_writing(self) -> None:
        """The peer does not read as fast as it is answered."""
        self._outlet.pause()
        self._recount()

    def resume_writing(self) -> None:
        """It does again."""
        self._outlet.resume()
        self._recount()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed; what was begun is finished all the same, as in Kafka."""
        if exc is not None:
            _log.info("the connection of %s was lost: %s", self._peer, exc)
        self._outlet.close()
        self._conversation.break_off()

    # -- what the server calls ----------------------------------------------------------------------

    def drain(self) -> None:
        """Answer what is in hand, give up waits for records, read nothing more, and close."""
        self._set_hold(Hold.ENDING, on=True)
        self._conversation.break_off()

    def abort(self, reason: str) -> None:
        """Close at once."""
        _log.warning("closing the connection of %s: %s", self._peer, reason)
        self._transport.abort()

    def stop(self) -> None:
        """Close at once, and give up what is in hand."""
        self._transport.abort()
        self._task.cancel()

    def overdue(self, now_ms: float) -> str | None:
        """Why the peer has to go by now; None if it may stay."""
        limits, reader = self._host.limits, self._reader
        is_full = self._host.in_flight.is_full
        stall_ms = limits.full_stall_ms if is_full else limits.unread_ms
        read_ms = limits.full_stall_ms if is_full else limits.read_progress_ms
        if not self.session.is_admitted and now_ms - self._opened_ms >= limits.handshake_ms:
            return f"it has not authenticated within {limits.handshake_ms} ms"
        if is_full and Hold.MUTED in self._hold and self._held_bytes:
            return f"it is beyond its quota, and {self._held_bytes} bytes are held for it"
        if not reader.is_amid_frame or self._hold:
            self._reading.reset()
        elif self._reading.stands_still(
            reader.received_bytes,
            now_ms=now_ms,
            within_ms=read_ms,
            at_least=limits.read_progress_bytes,
        ):
            return f"less than {limits.read_progress_bytes} bytes of a request in {read_ms} ms"
        if not self._outlet.unsent_bytes:
            self._writing.reset()
        elif self._writing.stands_still(
            self._outlet.sent_bytes, now_ms=now_ms, within_ms=stall_ms, at_least=1
        ):
            return f"it has read nothing for {stall_ms} ms, and {self._outlet.unsent_bytes} bytes wait for it"
        return self._idle(now_ms)

    @property
    def is_reading(self) -> bool:
        """Whether what the peer sends is taken."""
        return not self._hold

    # -- inside -------------------------------------------------------------------------------------

    @property
    def _peer(self) -> str:
        return f"{self.session.client_host} ({printable(self.session.client_id)!a})"

    def _idle(self, now_ms: float) -> str | None:
        if self.session.is_local:
            return (
                None  # its groups and its owner's watch depend on the connection, and its end is never missed
            )
        conversation, idle_ms = self._conversation, self._host.limits.idle_ms
        if conversation.answered != self._answered or not conversation.is_idle:
            self._answered = conversation.answered
            self._active_ms = now_ms
        return f"nothing was asked for {idle_ms} ms" if now_ms - self._active_ms >= idle_ms else None

    async def _converse(self) -> None:
        try:
            await self._conversation.run()
        except ConnectionEnded as ended:
            self.abort(str(ended))
        except Exception:  # noqa: BLE001 - whatever goes wrong ends this connection, and no other
            _log.exception("a request of %s failed: closing the connection", self._peer)
            self._transport.abort()
        finally:
            self._transport.close()
            self._host.in_flight.change(-self._held_bytes)
            self._host.in_flight.needs_no_more(self)
            self._held_bytes = 0
            self._host.ended(self)

    def _allowed_frame_bytes(self) -> int:
        limits = self._host.limits
        return limits.frame_bytes_max if self.session.is_admitted else limits.unauthenticated_frame_bytes_max

    def _recount(self) -> None:
        """Tell the server what this connection holds, and stop or go on reading accordingly."""
        host, conversation = self._host, self._conversation
        partial = self._reader.partial_bytes
        held = partial + conversation.waiting_bytes + self._outlet.unsent_bytes
        host.in_flight.change(held - self._held_bytes)
        self._held_bytes = held
        self._set_hold(Hold.REQUESTS_WAIT, on=conversation.waiting >= host.limits.requests_waiting_max)
        if not partial:
            host.in_flight.needs_no_more(self)
        elif Hold.NO_ROOM not in self._hold and not host.in_flight.may_go_on(self):
            self._set_hold(Hold.NO_ROOM, on=True)
            host.in_flight.when_room(self._ask_again)

    def _ask_again(self) -> None:
        self._set_hold(Hold.NO_ROOM, on=False)
        self._recount()

    def _set_hold(self, reason: Hold, *, on: bool) -> None:
        before = self._hold
        self._hold = before | reason if on else before & ~reason
        if bool(before) == bool(self._hold):
            return
        if self._hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
