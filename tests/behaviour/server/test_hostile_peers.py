"""Peers that trickle, do not read, do not authenticate or come in crowds: what they cost is bounded, and they go."""

from __future__ import annotations

import asyncio
import functools
import gzip
import logging

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.crc import crc32c
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.record_batch import encode
from tests.behaviour.server.raw import Peer, Scene, encoded, scene, until

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.ERROR)


def produce(topic: str, records: bytes) -> ProduceRequest:
    data = PartitionProduceData(index=0, records=records)
    return ProduceRequest(acks=1, topic_data=[TopicProduceData(name=topic, partition_data=[data])])


def fetch(topic: str) -> FetchRequest:
    part = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=64 * MIB)
    return FetchRequest(
        max_wait_ms=0, max_bytes=64 * MIB, topics=[FetchTopic(topic=topic, partitions=[part])]
    )


FETCH_BY_NAME = 12
"""The newest version that names topics and does not need their ids."""
PRODUCE_BY_NAME = 12


async def filled(here: Scene, size: int) -> Peer:
    """A topic ``views`` with so many bytes of records, and the peer that wrote them."""
    peer = here.peer()
    await make_topic(peer, "views")
    value = bytes(900_000)
    for _ in range(0, size, len(value)):
        answer = await peer.ask(produce("views", encode([None], [value], [0])), PRODUCE_BY_NAME)
        assert answer.responses[0].partition_responses[0].error_code is ErrorCode.NONE
    return peer


async def make_topic(peer: Peer, name: str, **configs: str) -> None:
    settings = {key.replace("_", "."): value for key, value in configs.items()}
    topic = CreatableTopic(name=name, num_partitions=1, replication_factor=1, configs=settings)
    answer = await peer.ask(CreateTopicsRequest(topics=[topic]))
    assert answer.topics[0].error_code is ErrorCode.NONE


async def test_who_trickles_goes_and_who_waits_in_between_stays():
    async with scene(read_progress_ms=10_000) as here:
        slow = [here.peer() for _ in range(200)]
        good = here.peer()
        request = encoded(ApiVersionsRequest(), 3)
        assert await good.is_served()
        await until(lambda: here.server.connections == 201)

        for at in range(11):
            for peer in slow:
                peer.send_now(request[at : at + 1])
            await here.pass_time(1)
        await until(lambda: here.server.connections == 1)

        assert await good.is_served()


async def test_who_begins_nothing_may_stay_until_idle():
    async with scene(idle_ms=20_000) as here:
        peer = here.peer()
        assert await peer.is_served()

        await here.pass_time(19)
        assert here.server.connections == 1
        await here.pass_time(2)

        assert await peer.is_closed()


async def test_who_does_not_read_costs_one_answer_and_goes():
    async with scene(unread_ms=30_000) as here:
        good = await filled(here, 6 * MIB)
        deaf = [here.peer(receive_buffer=4_096) for _ in range(10)]
        for peer in deaf:
            for _ in range(20):
                peer.send_now(encoded(fetch("views"), FETCH_BY_NAME))
        await here.clock.settle()

        # An answer of 4 MiB, a batch more, and the 19 requests behind it.
        assert here.server.in_flight.used <= 10 * 5 * MIB
        assert await good.is_served()

        await here.pass_time(31)
        await until(lambda: here.server.connections == 1)
        assert here.server.in_flight.used == 0


async def test_a_crowd_that_does_not_read_fills_the_memory_for_a_moment_only():
    limit = 20 * MIB
    async with scene(in_flight_bytes_max=limit, full_stall_ms=2_000, unread_ms=60_000) as here:
        good = await filled(here, 6 * MIB)
        deaf = [here.peer(receive_buffer=4_096) for _ in range(40)]
        for peer in deaf:
            peer.send_now(encoded(fetch("views"), FETCH_BY_NAME))
        await until(lambda: here.server.in_flight.is_full)
        await here.clock.settle()

        # Beyond the limit each is answered its first batch, of less than 1 MiB, and no more.
        assert here.server.in_flight.used <= limit + 4 * MIB + 40 * MIB
        answer = await good.ask(fetch("views"), FETCH_BY_NAME)
        assert 0 < len(answer.responses[0].partitions[0].records) < MIB

        await here.pass_time(4)
        await until(lambda: here.server.in_flight.used == 0)
        answer = await good.ask(fetch("views"), FETCH_BY_NAME)
        assert len(answer.responses[0].partitions[0].records) > 3 * MIB


async def test_half_sent_requests_fill_the_memory_and_others_are_served_all_the_same():
    limit, size = 8 * MIB, 4 * MIB
    async with scene(in_flight_bytes_max=limit, full_stall_ms=2_000) as here:
        good = here.peer()
        await make_topic(good, "views")
        halves = [here.peer() for _ in range(10)]
        left = [memoryview(size.to_bytes(4) + bytes(size - 1)) for _ in halves]

        def push() -> bool:
            for number, peer in enumerate(halves):
                left[number] = left[number][peer.send_now(left[number]) :]
            return here.server.in_flight.is_full

        await until(push)
        for _ in range(1_000):
            push()
            await asyncio.sleep(0)

        # One may go beyond the limit, and memory comes in doublings.
        assert here.server.in_flight.used <= limit + 2 * size
        assert await good.is_served()

        await here.pass_time(30)
        await until(lambda: here.server.connections == 1)
        assert here.server.in_flight.used == 0


async def test_large_requests_beyond_the_limit_are_taken_one_after_the_other():
    async with scene(in_flight_bytes_max=MIB) as here:
        first = here.peer()
        await make_topic(first, "views")
        batch = encode([None], [bytes(900_000)], [0])
        request = encoded(produce("views", batch), PRODUCE_BY_NAME)
        peers = [first, *(here.peer() for _ in range(5))]

        sent = [asyncio.create_task(peer.send(request)) for peer in peers]
        answers = [await peer.answer() for peer in peers]

        await asyncio.gather(*sent)
        assert all(answers)


async def test_a_crowd_of_connections_is_turned_away_and_has_room_again():
    async with scene(connections_max=10) as here:
        good = here.peer()
        assert await good.is_served()
        crowd = [here.peer() for _ in range(30)]
        await here.clock.settle()

        assert here.server.connections == 10
        assert await good.is_served()
        for peer in crowd:
            peer.close()
        await until(lambda: here.server.connections == 1)
        assert await here.peer().is_served()


async def test_one_address_has_its_share_of_connections():
    async with scene(connections_per_address_max=3) as here:
        peers = [here.peer() for _ in range(6)]
        await until(lambda: here.server.connections == 3)
        await here.clock.settle()

        assert here.server.connections == 3
        assert [await peer.is_served() for peer in peers[:3]] == [True] * 3
        assert [await peer.is_closed() for peer in peers[3:]] == [True] * 3


@pytest.mark.parametrize("polite", [True, False])
async def test_peers_that_come_and_go_at_any_moment_leave_nothing(polite):
    async with scene() as here:
        good = await filled(here, MIB)
        for turn in range(30):
            peers = [here.peer() for _ in range(10)]
            for peer in peers:
                peer.send_now(encoded(fetch("views"), FETCH_BY_NAME) * 3)
            for _ in range(turn):
                await asyncio.sleep(0)
            for peer in peers:
                here.peers.remove(peer)
                peer.close() if polite else peer.reset()
        await until(lambda: here.server.connections == 1)

        assert await good.is_served()


@functools.cache
def bomb(size: int) -> bytes:
    """A batch of a few kilobytes that claims one record and unpacks to ``size`` zeros."""
    batch = bytearray(encode([b"k"], [b"v"], [0], compression=Compression.GZIP))
    packed = gzip.compress(bytes(size), 9)
    batch[61:] = packed
    batch[8:12] = (len(batch) - 12).to_bytes(4)
    batch[17:21] = crc32c(batch[21:]).to_bytes(4)
    return bytes(batch)


def misshapen(what: str) -> bytes:
    """A batch whose checksum is right, and whose records are not."""
    batch = bytearray(encode([b"k"] * 3, [b"v"] * 3, [0, 1, 2]))
    if what == "count":
        batch[23:27] = batch[57:61] = (2).to_bytes(4)  # last offset delta and count: one less than there are
    elif what == "offset delta":
        batch[64] = 8  # of the first record: 4 in the place of 0
    else:
        batch[61] = 0x7E  # the first record's length: 63 bytes
    batch[17:21] = crc32c(batch[21:]).to_bytes(4)
    return bytes(batch)


@pytest.mark.parametrize("what", ["count", "offset delta", "length", "bomb"])
@pytest.mark.parametrize("policy", ["compact", "delete"])
async def test_batches_that_nobody_could_read_are_refused(policy, what):
    """No bomb is unpacked beyond what a batch may have, and nothing that holds up consumers is kept."""
    async with scene() as here:
        peer = here.peer()
        await make_topic(peer, "views", cleanup_policy=policy)
        records = bomb(256 * MIB) if what == "bomb" else misshapen(what)

        answer = await peer.ask(produce("views", records), PRODUCE_BY_NAME)

        assert answer.responses[0].partition_responses[0].error_code is ErrorCode.CORRUPT_MESSAGE
        assert here.broker.log("views", 0).log_end_offset == 0
        assert await peer.is_served()
