"""Clients beyond their quota: they are told, the server stops listening to them, and nobody else notices."""

from __future__ import annotations

import asyncio

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    QuotaAlteration,
    QuotaEntityPart,
    QuotaOperation,
)
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.record_batch import encode
from streamz_core.server.connection import Connection
from tests.behaviour.server.raw import Peer, Scene, decoded, encoded, scene, until
from tests.behaviour.server.test_hostile_peers import FETCH_BY_NAME, PRODUCE_BY_NAME, fetch, make_topic

CLIENT = "raw"
"""Who every peer says it is."""
RATE = 1_000


async def limit(here: Scene, entity: dict[str, str | None], **values: float) -> None:
    """Set quotas, as an operator beside the port does."""
    alteration = QuotaAlteration(
        entity=[QuotaEntityPart(entity_type=kind, entity_name=name) for kind, name in entity.items()],
        ops=[QuotaOperation(key=key, value=value) for key, value in values.items()],
    )
    (answer,) = (await here.broker.handle(AlterClientQuotasRequest(entries=[alteration]))).entries
    assert answer.error_code is ErrorCode.NONE, answer


def produce(size: int, acks: int = 1) -> ProduceRequest:
    """A produce whose value has so many bytes; its frame has about a hundred more."""
    data = PartitionProduceData(index=0, records=encode([None], [bytes(size)], [0]))
    return ProduceRequest(acks=acks, topic_data=[TopicProduceData(name="views", partition_data=[data])])


def connection(here: Scene, number: int = 0) -> Connection:
    return list(here.server._connections)[number]


async def settled(here: Scene) -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def waiting_peer(here: Scene) -> Peer:
    """A peer with a topic ``views``."""
    peer = here.peer()
    await make_topic(peer, "views")
    return peer


async def test_a_producer_beyond_its_rate_is_told_and_not_listened_to():
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=RATE)

        within = await peer.ask(produce(9_000), PRODUCE_BY_NAME)
        beyond = await peer.ask(produce(4_800), PRODUCE_BY_NAME)

        assert within.throttle_time_ms == 0
        assert 3_900 <= beyond.throttle_time_ms <= 4_200
        assert beyond.responses[0].partition_responses[0].error_code is ErrorCode.NONE
        assert not connection(here).is_reading
        await peer.send(encoded(produce(1), PRODUCE_BY_NAME))
        await here.clock.advance(beyond.throttle_time_ms - 1)
        await settled(here)
        assert here.broker.log("views", 0).log_end_offset == 2
        await here.clock.advance(1)
        await until(lambda: here.broker.log("views", 0).log_end_offset == 3)
        await peer.answer()


async def test_what_a_muted_client_has_sent_waits_too():
    """Requests in one piece: those behind the one that was too much are not begun, answered or lost."""
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"user": None}, producer_byte_rate=RATE)

        await peer.send(b"".join(encoded(produce(6_000, acks=-1), PRODUCE_BY_NAME) for _ in range(4)))
        answers = [decoded(produce(1), await peer.answer(), PRODUCE_BY_NAME) for _ in range(2)]
        assert answers[-1].throttle_time_ms > 1_000
        for written in (2, 3):
            await settled(here)
            assert here.broker.log("views", 0).log_end_offset == written
            await here.clock.advance(answers[-1].throttle_time_ms)
            answers.append(decoded(produce(1), await peer.answer(), PRODUCE_BY_NAME))
        assert here.broker.log("views", 0).log_end_offset == 4
        assert all(one.throttle_time_ms > 1_000 for one in answers[1:])


async def test_who_wants_no_answer_is_muted_all_the_same():
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"client-id": None}, producer_byte_rate=RATE)

        await peer.send(
            encoded(produce(20_000, acks=0), PRODUCE_BY_NAME) + encoded(produce(1), PRODUCE_BY_NAME)
        )
        await until(lambda: here.broker.log("views", 0).log_end_offset == 1)
        await settled(here)

        assert not connection(here).is_reading
        await here.pass_time(11)
        await until(lambda: here.broker.log("views", 0).log_end_offset == 2)
        await peer.answer()


async def test_connections_of_one_user_share_what_it_may():
    async with scene() as here:
        one = await waiting_peer(here)
        two = here.peer()
        await limit(here, {"user": "ANONYMOUS"}, producer_byte_rate=RATE)

        assert (await one.ask(produce(9_000), PRODUCE_BY_NAME)).throttle_time_ms == 0
        assert (await two.ask(produce(9_000), PRODUCE_BY_NAME)).throttle_time_ms > 7_000
        assert connection(here, 0).is_reading
        assert not connection(here, 1).is_reading


async def test_a_consumer_beyond_its_rate_is_told_and_not_listened_to():
    async with scene() as here:
        peer = await waiting_peer(here)
        for _ in range(4):
            await peer.ask(produce(8_000), PRODUCE_BY_NAME)
        await limit(here, {"client-id": CLIENT}, consumer_byte_rate=RATE)

        first = await peer.ask(fetch("views"), FETCH_BY_NAME)

        (partition,) = first.responses[0].partitions
        assert 8_000 < len(partition.records) < 12_000  # ten seconds' worth, in whole batches
        second = first if first.throttle_time_ms else await peer.ask(fetch("views"), FETCH_BY_NAME)
        assert second.throttle_time_ms > 1_000
        assert not connection(here).is_reading
        await here.clock.advance(second.throttle_time_ms)
        await until(lambda: connection(here).is_reading)
        assert (await peer.ask(MetadataRequest())).throttle_time_ms == 0


async def test_where_memory_is_short_those_beyond_their_quota_go_first():
    """What they have sent is held for as long as they wait, and others need the room."""
    async with scene(in_flight_bytes_max=50_000) as here:
        peer, other = await waiting_peer(here), here.peer()
        assert await other.is_served()
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=1)

        requests = b"".join(encoded(produce(20_000), PRODUCE_BY_NAME) for _ in range(4))
        await peer.send(requests)
        await until(lambda: here.server.in_flight.is_full)
        await here.pass_time(1)

        await until(lambda: here.server.connections == 1)
        assert not here.server.in_flight.is_full
        assert await other.is_served()


async def test_a_server_that_stops_does_not_wait_for_the_muted():
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=1)
        assert (await peer.ask(produce(100_000), PRODUCE_BY_NAME)).throttle_time_ms > 3_600_000

        before_ms = here.clock.monotonic_ms()
        await here.server.close()

        assert here.clock.monotonic_ms() == before_ms
        assert await peer.is_closed()


async def test_a_muted_connection_may_go():
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=1)
        await peer.ask(produce(100_000), PRODUCE_BY_NAME)

        peer.reset()
        await here.pass_time(1)
        other = here.peer()
        assert await other.is_served()


async def test_a_quota_that_is_lifted_holds_no_more():
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=RATE)
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=1_000_000)

        assert (await peer.ask(produce(50_000), PRODUCE_BY_NAME)).throttle_time_ms == 0


async def test_an_address_that_connects_too_often_is_turned_away_in_a_while():
    async with scene() as here:
        await limit(here, {"ip": "127.0.0.1"}, connection_creation_rate=1)
        within = [here.peer() for _ in range(10)]
        await until(lambda: here.server.connections == 10)

        beyond = here.peer()
        ended = asyncio.ensure_future(beyond.is_closed())
        await settled(here)
        assert not ended.done()
        await here.clock.advance(1_000)

        assert await ended
        assert here.server.connections == 10
        assert await within[-1].is_served()
        await here.pass_time(11)
        assert await here.peer().is_served()


async def test_an_address_may_be_shut_out(monkeypatch):
    monkeypatch.setattr("streamz_core.server.listener.TURNED_AWAY_MAX", 20)
    async with scene() as here:
        await limit(here, {"ip": None}, connection_creation_rate=0)
        peers = [here.peer() for _ in range(30)]
        ended = [asyncio.ensure_future(peer.is_closed()) for peer in peers]
        await settled(here)
        await here.clock.advance(1_000)

        assert all(await asyncio.gather(*ended))
        await limit(here, {"ip": "127.0.0.1"}, connection_creation_rate=5)
        assert await here.peer().is_served()


def topics(*sizes: int, at: int = 0) -> CreateTopicsRequest:
    return CreateTopicsRequest(
        topics=[
            CreatableTopic(name=f"t{at + number}", num_partitions=size, replication_factor=1)
            for number, size in enumerate(sizes)
        ]
    )


async def test_too_many_partitions_are_told_to_come_again():
    async with scene() as here:
        peer = here.peer()
        await limit(here, {"client-id": CLIENT}, controller_mutation_rate=1)

        answer = await peer.ask(topics(10, 5, 1))

        codes = {one.name: one.error_code for one in answer.topics}
        assert codes == {
            "t0": ErrorCode.NONE,
            "t1": ErrorCode.NONE,
            "t2": ErrorCode.THROTTLING_QUOTA_EXCEEDED,
        }
        assert answer.throttle_time_ms == 4_000
        assert "t2" not in here.broker.directory.topics
        await here.clock.advance(4_000)
        deleted = await peer.ask(
            DeleteTopicsRequest(topics=[DeleteTopicState(name="t0"), DeleteTopicState(name="t1")])
        )
        assert [one.error_code for one in deleted.responses] == [
            ErrorCode.NONE,
            ErrorCode.THROTTLING_QUOTA_EXCEEDED,
        ]
        await here.clock.advance(deleted.throttle_time_ms)
        grown = CreatePartitionsRequest(topics=[CreatePartitionsTopic(name="t1", count=7)])
        assert (await peer.ask(grown)).results[0].error_code is ErrorCode.NONE
        # What is wrong with a request is told first, and costs nothing.
        assert (await here.clock.drive(peer.ask(topics(1, at=1)))).topics[
            0
        ].error_code is ErrorCode.TOPIC_ALREADY_EXISTS


async def test_older_clients_and_those_who_only_ask_are_muted_instead():
    async with scene() as here:
        peer = here.peer()
        await limit(here, {"client-id": CLIENT}, controller_mutation_rate=1)

        answer = await peer.ask(topics(10, 5, 1), 5)
        assert [one.error_code for one in answer.topics] == [ErrorCode.NONE] * 3
        assert answer.throttle_time_ms == 5_000
        other = here.peer()  # it shares the debt, and is welcome to ask for what costs nothing
        assert (await other.ask(MetadataRequest())).throttle_time_ms == 0
        await here.clock.advance(5_000)

        asked = MetadataRequest(topics=[MetadataRequestTopic(name="new")], allow_auto_topic_creation=True)
        assert (await peer.ask(asked)).throttle_time_ms == 1_000
        assert "new" in here.broker.directory.topics


async def test_who_keeps_the_server_busy_is_muted_for_a_second_at_most(monkeypatch):
    async with scene() as here:
        peer = await waiting_peer(here)
        await limit(here, {"user": None}, request_percentage=10)
        handle = here.broker.handle

        async def slow(request):
            here.clock._elapsed_ms += 2_000  # the loop is busy, and nothing else goes on meanwhile
            return await handle(request)

        assert (await peer.ask(MetadataRequest())).throttle_time_ms == 0
        monkeypatch.setattr(here.broker, "handle", slow)

        assert (await peer.ask(MetadataRequest())).throttle_time_ms == 1_000
        assert not connection(here).is_reading


async def test_processes_of_the_same_user_have_no_quotas(tmp_path):
    """Who comes by the socket in the directory may do what it may do with the files."""
    path = str(tmp_path / "socket")
    async with scene(socket_path=path) as here:
        await waiting_peer(here)
        await limit(here, {"client-id": CLIENT}, producer_byte_rate=1, controller_mutation_rate=1)
        reader, writer = await asyncio.open_unix_connection(path)

        writer.write(encoded(produce(100_000), PRODUCE_BY_NAME))
        size = int.from_bytes(await reader.readexactly(4))
        answer = decoded(produce(1), await reader.readexactly(size), PRODUCE_BY_NAME)

        assert answer.throttle_time_ms == 0
        writer.transport.abort()
