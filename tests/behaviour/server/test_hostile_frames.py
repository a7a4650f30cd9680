"""Whatever bytes a peer sends: they are answered, or its connection ends; nobody else notices."""

from __future__ import annotations

import logging
import random
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamz_core.broker.registry import API_KEYS
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.wire import codec, headers
from tests.behaviour.server.raw import Scene, encoded, framed, scene, until
from tests.unit.protocol.wire.forms import versioned

LIKE_SEVERAL_LENGTHS = (
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\x0f",
    b"\x00\x10\x00\x00",
    b"\x7f",
)
SMALL_BYTES = 300


def requests(side: str) -> list[bytes]:
    """A request of every API, in its oldest or newest version, without the length in front."""
    found = []
    for key in sorted(API_KEYS):
        version = codec.versions(key)[0 if side == "oldest" else 1]
        one, rng = versioned(key, version, is_request=True), random.Random(key)
        bodies = [one.encode(one.random(rng)) for _ in range(20)]
        body = max(
            (body for body in bodies if len(body) < SMALL_BYTES), key=len, default=min(bodies, key=len)
        )
        found.append(headers.write_request_header(headers.RequestHeader(key, version, 1, "hostile")) + body)
    return found


async def have_tried(scene: Scene, frames: list[bytes]) -> None:
    """Send each over a connection of its own that is given up; afterwards another peer is served."""
    for start in range(0, len(frames), 200):
        peers = [scene.peer() for _ in frames[start : start + 200]]
        for peer, frame in zip(peers, frames[start:], strict=False):
            peer.send_now(frame)
            peer.finish()
        await scene.clock.settle()
        for peer in peers:
            peer.reset()
            scene.peers.remove(peer)
        # Members whose group waits for others are in it until their session ends; nobody is in hand otherwise.
        await scene.clock.advance(3_600_000)
    await until(lambda: scene.server.connections == 0)
    assert await scene.peer().is_served()


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Thousands of connections end with a line in the log each."""
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("side", ["oldest", "newest"])
async def test_requests_cut_anywhere(side):
    """Each API at every third byte; that no decoder takes a cut message for a whole one is held at every byte."""
    cut = [
        request[:end]
        for number, request in enumerate(requests(side))
        for end in range(number % 3, len(request), 3)
    ]

    async with scene() as here:
        await have_tried(here, [framed(one) for one in cut])


async def test_connections_cut_anywhere():
    cut = [framed(request)[:end] for request in requests("newest") for end in range(0, len(request), 11)]

    async with scene() as here:
        await have_tried(here, cut)


@pytest.mark.parametrize("side", ["oldest", "newest"])
async def test_lengths_beyond_anything_wherever_a_length_may_be(side):
    rng = random.Random(side)
    bombs = []
    for request in requests(side):
        for at in range(10, len(request), 5):
            bomb = rng.choice(LIKE_SEVERAL_LENGTHS)
            bombs.append(request[:at] + bomb + request[at + len(bomb) :])

    async with scene() as here:
        await have_tried(here, [framed(one) for one in bombs])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=20))
async def test_anything_at_all(data):
    async with scene() as here:
        await have_tried(here, data)
        await have_tried(here, [framed(one) for one in data])


@pytest.mark.parametrize("announced", [-1, -(2**31), 2**31 - 1, 104_857_601])
async def test_a_length_no_request_has_closes_the_connection_at_once(announced):
    async with scene() as here:
        peer = here.peer()

        await peer.send(announced.to_bytes(4, signed=True))

        assert await peer.is_closed()
        assert here.server.in_flight.used == 0


async def test_the_longest_length_a_request_may_have_takes_no_memory_before_it_comes():
    async with scene() as here:
        peers = [here.peer() for _ in range(50)]
        for peer in peers:
            await peer.send((104_857_600).to_bytes(4) + b"\0")
        await until(lambda: here.server.in_flight.used >= 50)
        await here.clock.settle()

        assert here.server.in_flight.used <= 50 * 128 * 1024


async def test_an_unknown_version_of_api_versions_is_told_what_there_is():
    async with scene() as here:
        peer = here.peer()
        await peer.send(framed(b"\0\x12\0\x63\0\0\0\x07\0\x03new\0\0\0"))

        # The correlation id, the error, and one API: this one, from its first version to its last.
        highest = codec.versions(18)[1]
        assert await peer.answer() == struct.pack(">ihihhh", 7, 35, 1, 18, 0, highest)
        assert await peer.is_served()


@pytest.mark.parametrize("unknown", [(999, 0), (3, 99), (4, 0), (-1, -1)])
async def test_other_unknown_apis_and_versions_close_the_connection(unknown, caplog):
    caplog.set_level(logging.WARNING)
    async with scene() as here:
        peer = here.peer()
        key, version = unknown

        await peer.send(framed(key.to_bytes(2, signed=True) + version.to_bytes(2, signed=True) + bytes(6)))

        assert await peer.is_closed()
    assert f"version {version} of API {key} is not served" in caplog.text


async def test_a_pipeline_of_ten_thousand_is_answered_in_order_and_others_have_their_turn():
    async with scene() as here:
        many, other = here.peer(), here.peer()
        pipeline = b"".join(encoded(ApiVersionsRequest(), 0, number) for number in range(10_000))
        assert await other.is_served()
        counted: list[int] = []
        answer = here.server.answering.answer

        async def count(call):
            counted.append(call.header.correlation_id)
            return await answer(call)

        here.server.answering.answer = count
        left = memoryview(pipeline)
        left = left[many.send_now(left) :]
        await until(lambda: len(counted) > 100)

        before = len(counted)
        other.send_now(encoded(ApiVersionsRequest(), 3, -5))
        await until(lambda: -5 in counted)
        between = counted.index(-5) - before

        got = []
        while len(got) < 10_000:
            left = left[many.send_now(left) :]
            got.append(int.from_bytes((await many.answer())[:4]))
        assert got == list(range(10_000))
        assert between <= 8
