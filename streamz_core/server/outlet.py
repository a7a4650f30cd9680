"""Sending answers: from where they lie, as far as the socket takes them.

Owns: ``Outlet``: what is sent, what is not yet, and waiting until a peer reads.
Must not know: what is sent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import socket

Buffer: TypeAlias = bytes | bytearray | memoryview

_BUFFERS_MAX: Final = 1024
"""The most that one system call takes (IOV_MAX)."""


class Outlet:
    """The sending half of a connection."""

    __slots__ = ("_given_bytes", "_is_open", "_socket", "_transport", "_writable")

    def __init__(self, transport: asyncio.Transport, sock: socket.socket | None) -> None:
        """``sock`` is the transport's socket where answers may go to it as they are: none with TLS."""
        self._transport = transport
        self._socket = sock
        self._given_bytes = 0
        self._is_open = True
        self._writable: asyncio.Future[None] | None = None

    @property
    def unsent_bytes(self) -> int:
        """What the socket has not taken yet."""
        return self._transport.get_write_buffer_size()

    @property
    def sent_bytes(self) -> int:
        """All that the socket has ever taken."""
        return self._given_bytes - self.unsent_bytes

    def send(self, buffers: list[Buffer]) -> None:
        """Send ``buffers`` one after the other; does nothing once closed."""
        if not self._is_open:
            return
        self._given_bytes += sum(map(len, buffers))
        if self._socket is not None and not self._transport.get_write_buffer_size():
            buffers = self._send_now(self._socket, buffers)
        if buffers:
            self._transport.writelines(buffers)

    async def writable(self) -> None:
        """Return once the peer has read most of what was sent, or is gone."""
        if self._writable is not None:
            await self._writable

    def pause(self) -> None:
        """The transport holds more than it should."""
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        """It has little left."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def close(self) -> None:
        """Nothing can be sent any more."""
        self._is_open = False
        self.resume()

    def _send_now(self, sock: socket.socket, buffers: list[Buffer]) -> list[Buffer]:
        """Hand over what the socket takes at once; the rest."""
        try:
            sent = sock.sendmsg(buffers[:_BUFFERS_MAX])
        except (BlockingIOError, InterruptedError):
            return buffers
        except OSError:
            self._transport.abort()
            return []
        return _after(buffers, sent)


def _after(buffers: list[Buffer], sent: int) -> list[Buffer]:
    """What is left of ``buffers`` behind the first ``sent`` bytes."""
    for number, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[number + 1 :]]
        sent -= len(buffer)
    return []
