"""Owns: a server on a clock that stands still, and peers who send whatever bytes a test gives them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

from streamz_core.broker.broker import Broker
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.request import Request
from streamz_core.protocol.wire import codec, headers
from streamz_core.server.limits import Limits
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig
from streamz_core.testing.manual_clock import ManualClock

TURNS_MAX = 200_000
"""Of the event loop: a test that needs more has failed."""


async def until(condition: Callable[[], bool]) -> None:
    """Let everything run until ``condition`` holds."""
    for _ in range(TURNS_MAX):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"not so after {TURNS_MAX} turns of the event loop")


def framed(body: bytes) -> bytes:
    """With its length in front."""
    return len(body).to_bytes(4) + body


def encoded(request: Request[Any], version: int | None = None, correlation_id: int = 1) -> bytes:
    """A request as a frame, in its newest version where none is told."""
    key = request.api_key
    version = codec.versions(key)[1] if version is None else version
    header = headers.RequestHeader(key, version, correlation_id, "raw")
    return framed(headers.write_request_header(header) + b"".join(codec.encode_request(request, version)))


def decoded(request: Request[Any], answer: bytes, version: int | None = None) -> Any:
    """The response in the body of a frame."""
    key = request.api_key
    version = codec.versions(key)[1] if version is None else version
    _, position = headers.read_response_header(key, version, memoryview(answer))
    return codec.decode_response(key, version, memoryview(answer)[position:])


class Peer:
    """One connection, to the byte."""

    def __init__(self, address: tuple[str, int], *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        self.socket.setblocking(False)

    def send_now(self, data: bytes) -> int:
        """Send what fits; how much that was."""
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def receive(self, count: int) -> bytes:
        """So many bytes, or fewer where the connection ends."""
        parts = []
        while count:
            try:
                piece = await asyncio.get_running_loop().sock_recv(self.socket, min(count, 1 << 20))
            except ConnectionResetError:
                break
            if not piece:
                break
            parts.append(piece)
            count -= len(piece)
        return b"".join(parts)

    async def answer(self) -> bytes:
        """The next frame's body; empty where the connection has ended."""
        length = await self.receive(4)
        return await self.receive(int.from_bytes(length)) if len(length) == 4 else b""

    async def ask(self, request: Request[Any], version: int | None = None) -> Any:
        await self.send(encoded(request, version))
        return decoded(request, await self.answer(), version)

    async def is_served(self) -> bool:
        """Whether it is answered."""
        return bool((await self.ask(ApiVersionsRequest(), 3)).api_keys)

    async def is_closed(self) -> bool:
        """Wait until the server has closed it."""
        return await self.receive(1) == b""

    def finish(self) -> None:
        """Send no more."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Be gone without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


class Scene:
    """A server, and the peers that a test has."""

    def __init__(self, broker: Broker, server: Server, clock: ManualClock) -> None:
        self.broker = broker
        self.server = server
        self.clock = clock
        self.peers: list[Peer] = []

    def peer(self, **options: Any) -> Peer:
        self.peers.append(Peer((self.server.host, self.server.port), **options))
        return self.peers[-1]

    async def pass_time(self, seconds: int) -> None:
        """A second after the other, as the server looks."""
        for _ in range(seconds):
            await self.clock.advance(1_000)


@asynccontextmanager
async def scene(socket_path: str | None = None, **limits: int):
    """A broker in memory with a wire port; at the end nothing of any connection may be left."""
    clock = ManualClock()
    broker = await Broker.open(MemoryFiles(), "/data", clock)
    config = ServerConfig(port=0, socket_path=socket_path, limits=Limits(**limits))
    server = await Server.start(broker, config)
    made = Scene(broker, server, clock)
    try:
        yield made
        for peer in made.peers:
            peer.close()
        await clock.drive(server.close())
        assert server.connections == 0
        assert server.in_flight.used == 0
    finally:
        for peer in made.peers:
            peer.close()
        await clock.drive(broker.close())
