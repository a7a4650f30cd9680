"""One socket to a broker: requests out, answers in, in the same order.

Owns: ``Connection``: what was asked and not answered yet, how long an answer may take, and how all of it ends.
Must not know: which broker it is, logins, what requests mean.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamz_core.client.errors import KafkaConnectionError
from streamz_core.protocol.wire import codec, headers
from streamz_core.protocol.wire.framing import BadFrame, FrameReader
from streamz_core.protocol.wire.headers import RequestHeader
from streamz_core.protocol.wire.malformed import MalformedMessage

if TYPE_CHECKING:
    from streamz_core.clock import Cancellable, Clock
    from streamz_core.protocol.messages.request import Request

_LENGTH: Final = struct.Struct(">i")


class ConnectionBroken(KafkaConnectionError):
    """The connection ended; whether what was asked took effect is unknown."""


@dataclass(slots=True)
class _Unanswered:
    """A request that has been sent; ``overdue_at_ms``: when its answer is given up."""

    correlation_id: int
    api_key: int
    api_version: int
    answer: asyncio.Future[Any]
    overdue_at_ms: float


class Connection(asyncio.BufferedProtocol):
    """Made by asyncio's ``create_connection``; ``ask`` once it is made."""

    def __init__(
        self,
        peer: object,
        clock: Clock,
        space: bytearray,
        *,
        client_id: str,
        frame_bytes_max: int,
        idle_ms: float | None = None,
    ) -> None:
        """``peer`` is what errors call the other side; ``space`` see ``framing.receive_space``."""
        self._peer = peer
        self._clock = clock
        self._client_id = client_id
        self._reader = FrameReader(space, frame_bytes_max)
        self._transport: asyncio.Transport | None = None
        self._unanswered: deque[_Unanswered] = deque()
        self._correlation_id = 0
        self._writable = asyncio.Event()
        self._broken: ConnectionBroken | None = None
        self._reason: str | None = None
        self._idle_ms = idle_ms
        """After so long with nothing to answer it is closed; None: never."""
        self._idle_since_ms = clock.monotonic_ms()
        self._watch: Cancellable | None = None
        self._watch_at_ms = math.inf

    @property
    def is_open(self) -> bool:
        """Whether anything can be asked."""
        return self._broken is None and self._transport is not None

    @property
    def is_idle(self) -> bool:
        """Whether every answer has come, also those that nobody waits for any more."""
        return not self._unanswered

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody waits for the answers that are to come."""
        return bool(self._unanswered) and all(one.answer.done() for one in self._unanswered)

    async def writable(self) -> None:
        """Return once the broker has read most of what was sent; at once where the connection is broken."""
        await self._writable.wait()

    def ask(
        self, request: Request[Any], version: int, allowed_ms: float, *, is_answered: bool = True
    ) -> asyncio.Future[Any]:
        """Send ``request``; the future of its answer, which may be cancelled: the answer is dropped then.

        Not answered within ``allowed_ms``, the connection counts as dead. The future raises ``ConnectionBroken``; this
        raises what cannot be encoded.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._broken is not None or self._transport is None:
            answer.set_exception(self._broken or ConnectionBroken(f"{self._peer} is not connected"))
            return answer
        self._correlation_id = (self._correlation_id + 1) & 0x7FFFFFFF
        # Some say on whose behalf they are sent: a link may have several users.
        client_id = getattr(request, "client_id", "") or self._client_id
        header = RequestHeader(request.api_key, version, self._correlation_id, client_id)
        head, body = headers.write_request_header(header), codec.encode_request(request, version)
        if is_answered:
            overdue_at_ms = self._clock.monotonic_ms() + allowed_ms
            self._unanswered.append(
                _Unanswered(self._correlation_id, request.api_key, version, answer, overdue_at_ms)
            )
            self._watch_until(overdue_at_ms)
        else:
            answer.set_result(None)
        size = len(head) + sum(map(len, body))
        self._transport.writelines([_LENGTH.pack(size) + head, *body])
        return answer

    def close(self, reason: str) -> None:
        """End it; who waits for an answer is told ``reason``. Again does nothing."""
        if self._reason is None:
            self._reason = reason
        if self._transport is None:
            return
        is_tls = self._transport.get_extra_info("ssl_object") is not None
        # TLS would wait for the other side to say goodbye; whoever closes may have no loop left by then.
        if self._unanswered or (is_tls and not self._transport.get_write_buffer_size()):
            self._transport.abort()
        else:
            self._transport.close()

    # -- what asyncio calls -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be used."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._writable.set()
        if self._idle_ms is not None:
            self._watch_until(self._idle_since_ms + self._idle_ms)
        if self._reason is not None:
            transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._reader.space()

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        try:
            for frame in self._reader.received(nbytes):
                self._answered(memoryview(frame))
        except (BadFrame, MalformedMessage) as error:
            self.close(f"what it sent cannot be read: {error}")

    def pause_writing(self) -> None:
        """The broker does not read as fast as it is asked."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        reason = self._reason or (str(exc) if exc is not None else "the broker closed it")
        self._broken = broken = ConnectionBroken(f"the connection to {self._peer} ended: {reason}")
        self._writable.set()
        if self._watch is not None:
            self._watch.cancel()
        for one in self._unanswered:
            if not one.answer.done():
                one.answer.set_exception(broken)
        self._unanswered.clear()

    # -- inside -------------------------------------------------------------------------------------

    def _answered(self, frame: memoryview) -> None:
        if not self._unanswered:
            raise MalformedMessage("response", 0, "nothing was asked")
        one = self._unanswered[0]
        correlation_id, position = headers.read_response_header(one.api_key, one.api_version, frame)
        if correlation_id != one.correlation_id:
            raise MalformedMessage(
                "response header", 0, f"it answers request {correlation_id}, not {one.correlation_id}"
            )
        # What nobody waits for is not worth decoding.
        answer = (
            None
            if one.answer.done()
            else codec.decode_response(one.api_key, one.api_version, frame[position:])
        )
        self._unanswered.popleft()
        if not self._unanswered:
            self._idle_since_ms = self._clock.monotonic_ms()
            if self._idle_ms is not None:
                self._watch_until(self._idle_since_ms + self._idle_ms)
        if not one.answer.done():
            one.answer.set_result(answer)

    def _watch_until(self, at_ms: float) -> None:
        """Look at that time whether an answer is overdue, or earlier if that was meant before."""
        if at_ms >= self._watch_at_ms:
            return
        if self._watch is not None:
            self._watch.cancel()
        self._watch_at_ms = at_ms
        self._watch = self._clock.call_later(at_ms - self._clock.monotonic_ms(), self._look)

    def _look(self) -> None:
        """The oldest answer must not be overdue: the others come after it. And nobody needs an idle connection."""
        self._watch, self._watch_at_ms = None, math.inf
        now_ms = self._clock.monotonic_ms()
        if self._unanswered:
            end_ms, reason = self._unanswered[0].overdue_at_ms, "an answer is overdue"
        elif self._idle_ms is not None:
            end_ms, reason = (
                self._idle_since_ms + self._idle_ms,
                f"nothing was asked for {self._idle_ms:g} ms",
            )
        else:
            return
        if now_ms >= end_ms:
            self.close(reason)
        else:
            self._watch_until(end_ms)
