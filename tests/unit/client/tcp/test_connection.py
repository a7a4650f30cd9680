"""Owns: how long a connection waits for answers and for questions, by the clock of the test."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client.tcp.connection import Connection, ConnectionBroken
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.wire import codec, headers
from streamz_core.protocol.wire.framing import receive_space
from streamz_core.testing.manual_clock import ManualClock

HEARTBEAT = HeartbeatRequest(group_id="g", generation_id=1, member_id="m")
VERSION = 4


class Wire(asyncio.Transport):
    """What is written stays here."""

    def __init__(self, connection):
        super().__init__()
        self.connection = connection
        self.written = []
        self.is_closed = False

    def writelines(self, buffers):
        self.written.append(b"".join(buffers))

    def close(self):
        if not self.is_closed:
            self.is_closed = True
            self.connection.connection_lost(None)

    abort = close

    def answer(self, correlation_id, response=HeartbeatResponse()):  # noqa: B008 - a frozen value
        head = headers.write_response_header(HeartbeatRequest.api_key, VERSION, correlation_id)
        body = b"".join([head, *codec.encode_response(HeartbeatRequest.api_key, VERSION, response)])
        self.feed(len(body).to_bytes(4) + body)

    def feed(self, data):
        while data:
            space = self.connection.get_buffer(-1)
            part = data[: len(space)]
            space[: len(part)] = part
            self.connection.buffer_updated(len(part))
            data = data[len(part) :]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def made(clock):
    def make(**settings):
        connection = Connection("b", clock, receive_space(), client_id="c", frame_bytes_max=1_000, **settings)
        wire = Wire(connection)
        connection.connection_made(wire)
        return connection, wire

    return make


async def test_answers_belong_to_questions_in_their_order(made):
    connection, wire = made()
    first, second = connection.ask(HEARTBEAT, VERSION, 100), connection.ask(HEARTBEAT, VERSION, 100)

    wire.answer(1, HeartbeatResponse(throttle_time_ms=1))
    wire.answer(2, HeartbeatResponse(throttle_time_ms=2))

    assert [(await one).throttle_time_ms for one in (first, second)] == [1, 2]
    assert connection.is_idle


async def test_an_answer_that_nobody_waits_for_is_dropped(made):
    connection, wire = made()
    first, second = connection.ask(HEARTBEAT, VERSION, 100), connection.ask(HEARTBEAT, VERSION, 100)
    first.cancel()
    assert not connection.is_abandoned
    second.cancel()
    assert connection.is_abandoned

    wire.answer(1)
    wire.answer(2)

    assert connection.is_idle
    assert connection.is_open


async def test_an_answer_that_is_overdue_ends_the_connection(made, clock):
    connection, _ = made()
    asked = [connection.ask(HEARTBEAT, VERSION, allowed_ms) for allowed_ms in (100, 50)]

    await clock.advance(99)
    assert connection.is_open
    await clock.advance(1)

    assert not connection.is_open
    for one in asked:
        with pytest.raises(ConnectionBroken, match="an answer is overdue"):
            await one


async def test_answers_in_time_keep_it(made, clock):
    connection, wire = made()
    for correlation_id in range(1, 6):
        asked = connection.ask(HEARTBEAT, VERSION, 100)
        await clock.advance(60)
        wire.answer(correlation_id)
        await asked
    await clock.advance(1_000)

    assert connection.is_open


async def test_an_idle_connection_is_closed(made, clock):
    connection, wire = made(idle_ms=1_000)
    await clock.advance(900)
    asked = connection.ask(HEARTBEAT, VERSION, 5_000)
    await clock.advance(3_000)
    wire.answer(1)
    await asked
    await clock.advance(999)
    assert connection.is_open

    await clock.advance(1)

    assert not connection.is_open
    with pytest.raises(ConnectionBroken, match=r"nothing was asked for 1000 ms"):
        await connection.ask(HEARTBEAT, VERSION, 100)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\0\0\0\5\0\0\0\2\0", "it answers request 2, not 1"),
        (b"\0\0\0\6\0\0\0\1\0\0", "ends before its last field"),
        (b"\x7f\xff\xff\xff", "allowed are frames of 0 to 1000 bytes"),
        (b"HTTP", "frame"),
    ],
)
async def test_an_answer_that_makes_no_sense_ends_the_connection(made, data, why):
    connection, wire = made()
    asked = connection.ask(HEARTBEAT, VERSION, 100)

    wire.feed(data)

    with pytest.raises(ConnectionBroken, match=why):
        await asked


async def test_an_answer_to_nothing_ends_the_connection(made):
    connection, wire = made()

    wire.feed(b"\0\0\0\5\0\0\0\1\0")

    assert not connection.is_open


async def test_closing_again_does_nothing_and_the_first_reason_stays(made):
    connection, _ = made()
    asked = connection.ask(HEARTBEAT, VERSION, 100)

    connection.close("first")
    connection.close("second")

    with pytest.raises(ConnectionBroken, match="first"):
        await asked
