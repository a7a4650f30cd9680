"""Owns: what one socket may do and cost: frames in, answers out, holds, deadlines, the end."""

import asyncio
import socket
from dataclasses import dataclass, field

import pytest

from streamz_core.protocol.wire.framing import receive_space
from streamz_core.server.connection import Connection
from streamz_core.server.in_flight import InFlightBytes
from streamz_core.server.limits import Limits
from streamz_core.server.session import Session
from streamz_core.testing.manual_clock import ManualClock
from tests.unit.server.fakes import ScriptedAnswers, framed, settle


@dataclass
class FakeHost:
    limits: Limits = field(default_factory=Limits)
    clock: ManualClock = field(default_factory=ManualClock)
    answering: ScriptedAnswers = field(default_factory=ScriptedAnswers)
    receive_space: bytearray = field(default_factory=receive_space)
    open: list[Connection] = field(default_factory=list)

    def __post_init__(self):
        self.in_flight = InFlightBytes(self.limits.in_flight_bytes_max)

    def opened(self, connection):
        self.open.append(connection)

    def ended(self, connection):
        self.open.remove(connection)


class Peer:
    """A raw socket, and the connection at its other end."""

    def __init__(self, host: FakeHost, connection: Connection, sock: socket.socket) -> None:
        self.host = host
        self.connection = connection
        self.socket = sock

    @classmethod
    async def connect(cls, host: FakeHost | None = None, **session) -> "Peer":
        host = host or FakeHost()
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        loop = asyncio.get_running_loop()
        _, connection = await loop.connect_accepted_socket(
            lambda: Connection(host, Session("/peer", **session), far), far
        )
        return cls(host, connection, near)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)
        await settle()

    async def receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = await asyncio.get_running_loop().sock_recv(self.socket, count - len(data))
            if not piece:
                break
            data += piece
        return data

    async def is_closed(self) -> bool:
        try:
            return await asyncio.get_running_loop().sock_recv(self.socket, 1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
async def connect():
    """Connect peers; whatever is left of them is closed at the end."""
    peers = []

    async def connect(host: FakeHost | None = None, **session) -> Peer:
        peers.append(await Peer.connect(host, **session))
        return peers[-1]

    yield connect
    for peer in peers:
        peer.close()
        if peer.connection in peer.host.open:
            peer.connection.stop()
    await settle()
    assert [peer for peer in peers if peer.host.open] == []
    assert all(peer.host.in_flight.used == 0 for peer in peers)


async def test_requests_in_one_piece_are_answered_one_after_the_other(connect):
    peer = await connect()

    await peer.send(framed("one", "two", "three"))

    assert await peer.receive(11) == b"onetwothree"


async def test_who_has_sent_everything_is_answered_before_the_end(connect):
    peer = await connect()

    await peer.send(framed("one", "two"))
    peer.socket.shutdown(socket.SHUT_WR)

    assert await peer.receive(100) == b"onetwo"
    await settle()
    assert peer.host.open == []


@pytest.mark.parametrize(
    "sent", [framed("bad"), b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", framed("fail x")]
)
async def test_what_is_no_request_ends_this_connection_and_no_other(connect, sent, caplog):
    host = FakeHost()
    bad, good = await connect(host), await connect(host)

    await bad.send(sent)

    assert await bad.is_closed()
    await good.send(framed("fine"))
    assert await good.receive(4) == b"fine"
    assert host.open == [good.connection]
    assert "/peer" in caplog.text


async def test_control_characters_of_a_client_id_do_not_reach_the_log(connect, caplog):
    peer = await connect()

    await peer.send(framed("x\n2026-01-01 INFO all is well", "bad"))
    await settle()

    assert "\\n2026" in caplog.text


async def test_many_that_wait_are_not_read(connect):
    peer = await connect(FakeHost(Limits(requests_waiting_max=2)))
    await peer.send(framed("wait fetch"))

    await peer.send(framed("one", "two", "three"))
    assert not peer.connection.is_reading
    await peer.send(framed("four"))
    assert peer.host.in_flight.used == len("onetwothree")

    peer.host.answering.let("fetch")
    assert await peer.receive(20) == b"fetchonetwothreefour"
    assert peer.connection.is_reading


async def test_an_answer_nobody_reads_is_counted_and_nothing_more_is_answered(connect):
    answers = ScriptedAnswers(answer_bytes=4 << 20)
    peer = await connect(FakeHost(answering=answers))

    await peer.send(framed("one", "two"))

    assert answers.begun == ["one"]
    assert peer.host.in_flight.used > 1 << 20
    assert len(await peer.receive(8 << 20)) == 8 << 20
    assert answers.begun == ["one", "two"]


async def test_large_requests_wait_for_room(connect):
    host = FakeHost(Limits(in_flight_bytes_max=500_000))
    first, second = await connect(host), await connect(host)
    size = 600_000

    await first.send(size.to_bytes(4) + b"quiet".ljust(size - 1))
    assert host.in_flight.is_full
    await second.send(size.to_bytes(4) + bytes(200_000))
    assert not second.connection.is_reading

    await first.send(b"!")
    await settle()

    assert second.connection.is_reading


async def test_what_has_begun_is_finished_after_the_peer_is_gone(connect):
    peer = await connect()
    await peer.send(framed("slow join", "two"))

    peer.close()
    await settle()
    assert peer.host.open == [peer.connection]

    peer.host.answering.let("join")
    await settle()
    assert peer.host.open == []
    assert peer.host.answering.given_up == []


async def test_a_wait_is_given_up_when_the_peer_is_gone(connect):
    peer = await connect()
    await peer.send(framed("wait fetch"))

    peer.close()
    await settle()

    assert peer.host.answering.given_up == ["fetch"]
    assert peer.host.open == []


async def test_drained_it_answers_what_is_in_hand_and_closes(connect):
    peer = await connect()
    await peer.send(framed("slow join", "two"))

    peer.connection.drain()
    await settle()
    peer.host.answering.let("join")

    assert await peer.receive(100) == b"join"
    assert peer.host.answering.begun == ["join"]


class TestDeadlines:
    """``overdue``, asked as the server asks: again and again."""

    @staticmethod
    def overdue(peer: Peer, after_ms: float) -> str | None:
        start_ms = peer.host.clock.monotonic_ms()
        for seconds in range(int(after_ms // 1_000) + 1):
            reason = peer.connection.overdue(start_ms + 1_000 * seconds)
        return reason

    async def test_a_request_that_trickles(self, connect):
        peer = await connect(FakeHost(Limits(read_progress_ms=5_000, read_progress_bytes=100)))
        assert peer.connection.overdue(0) is None

        await peer.send((1_000).to_bytes(4) + bytes(50))

        assert self.overdue(peer, 4_000) is None
        assert "less than 100 bytes" in self.overdue(peer, 6_000)

    async def test_a_request_that_comes_slowly_but_comes(self, connect):
        peer = await connect(FakeHost(Limits(read_progress_ms=5_000, read_progress_bytes=100)))
        await peer.send((100_000).to_bytes(4))

        for second in range(100):
            await peer.send(bytes(40))
            assert peer.connection.overdue(1_000 * second) is None

    async def test_an_answer_of_which_nothing_is_read(self, connect):
        peer = await connect(
            FakeHost(Limits(unread_ms=5_000), answering=ScriptedAnswers(answer_bytes=4 << 20))
        )
        await peer.send(framed("one"))

        assert self.overdue(peer, 4_000) is None
        await peer.receive(1 << 20)
        await settle()
        assert self.overdue(peer, 4_000) is None
        assert "read nothing" in self.overdue(peer, 9_000)

    async def test_with_little_memory_left_who_does_not_read_goes_sooner(self, connect):
        limits = Limits(unread_ms=60_000, full_stall_ms=1_000, in_flight_bytes_max=1_000)
        peer = await connect(FakeHost(limits, answering=ScriptedAnswers(answer_bytes=4 << 20)))

        await peer.send(framed("one"))

        assert "read nothing for 1000 ms" in self.overdue(peer, 2_000)

    async def test_a_peer_that_does_not_authenticate(self, connect):
        peer = await connect(FakeHost(Limits(handshake_ms=3_000)), is_admitted=False)

        assert self.overdue(peer, 2_000) is None
        assert "not authenticated" in self.overdue(peer, 3_000)

    async def test_a_peer_that_asks_nothing(self, connect):
        peer = await connect(FakeHost(Limits(idle_ms=5_000)))
        await peer.send(framed("one"))

        assert self.overdue(peer, 4_000) is None
        assert "nothing was asked" in self.overdue(peer, 5_000)

    async def test_a_peer_whose_request_takes_long_is_not_idle(self, connect):
        peer = await connect(FakeHost(Limits(idle_ms=5_000)))
        await peer.send(framed("wait fetch"))

        assert self.overdue(peer, 60_000) is None


async def test_before_authentication_only_small_requests_are_read(connect, caplog):
    limits = Limits(unauthenticated_frame_bytes_max=10)
    stranger, known = await connect(FakeHost(limits), is_admitted=False), await connect(FakeHost(limits))

    await stranger.send(framed("x" * 11))
    await known.send(framed("x" * 11))

    assert await stranger.is_closed()
    assert await known.receive(11) == b"x" * 11


async def test_who_has_authenticated_may_send_larger_ones(connect):
    peer = await connect(FakeHost(Limits(unauthenticated_frame_bytes_max=10)), is_admitted=False)
    await peer.send(framed("small"))
    peer.connection.session.is_admitted = True

    await peer.send(framed("x" * 100))

    assert await peer.receive(105) == b"small" + b"x" * 100
