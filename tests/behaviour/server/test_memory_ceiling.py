"""A server in a process of its own, and peers who want it to take memory: the system tells what it took at most."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic
from tests.behaviour.server.raw import encoded
from tests.behaviour.server.test_hostile_peers import PRODUCE_BY_NAME, bomb, produce

MIB = 1 << 20
CEILING_BYTES = (48 + 128) * MIB
"""What all of the below may add together, where a server that believed lengths would take ten gigabytes. Of it 128 MiB
are for one batch that is unpacked: up to 64 MiB, in memory that doubles."""


class ServerProcess:
    """``streamz server``, and the memory it has ever held."""

    def __init__(self, process: subprocess.Popen, address: tuple[str, int]) -> None:
        self.process = process
        self.address = address

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=60)

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024

    def ask(self, request: bytes) -> bytes:
        """Over a connection of its own."""
        with self.connect() as peer:
            peer.sendall(request)
            return self.answer(peer)

    @staticmethod
    def answer(peer: socket.socket) -> bytes:
        stream = peer.makefile("rb")
        return stream.read(int.from_bytes(stream.read(4)))


@pytest.fixture
def server(tmp_path):
    arguments = [
        "server",
        "--data",
        str(tmp_path / "data"),
        "--listen",
        "127.0.0.1:0",
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamz_core", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            host, _, port = process.stdout.readline().strip().rpartition(" ")[2].rpartition(":")
            yield ServerProcess(process, (host, int(port)))
        finally:
            process.terminate()


@pytest.fixture
def peers():
    """Closes connections at the end."""
    with contextlib.ExitStack() as peers:
        yield peers


def test_memory_stays_under_its_ceiling(server, peers):
    versions, metadata = (
        encoded(ApiVersionsRequest(), 3),
        encoded(MetadataRequest(topics=[MetadataRequestTopic(name="views")]), 12),
    )
    for _ in range(3):
        assert server.ask(versions)
        assert server.ask(metadata)
    before = server.peak_bytes()

    announced = [peers.enter_context(server.connect()) for _ in range(100)]
    for peer in announced:
        peer.sendall((100 * MIB).to_bytes(4) + bytes(64 * 1024))
    assert server.ask(produce_frame(bomb(256 * MIB)))
    pipeline = peers.enter_context(server.connect())
    pipeline.setblocking(False)
    sent = 0
    while sent < 200 * MIB:
        try:
            sent += pipeline.send(metadata * 1_000)
        except BlockingIOError:
            break  # it takes no more before its answers are read
    assert server.ask(versions)

    assert server.peak_bytes() - before < CEILING_BYTES
    assert sent < 32 * MIB


def produce_frame(batch: bytes) -> bytes:
    return encoded(produce("views", batch), PRODUCE_BY_NAME)
