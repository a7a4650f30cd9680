"""Owns: the promises of ``testing.MemoryBroker``: an address, a restart that keeps, a crash that takes."""

import pytest

from streamz_core.client.local_link import open_link
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.list_offsets import (
    LATEST_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker


async def create(broker: MemoryBroker) -> None:
    answer = await broker.broker.handle(
        CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=1)])
    )
    assert answer.topics[0].error_code is ErrorCode.NONE


async def produce(broker: MemoryBroker, acks: int) -> int:
    records = record_batch.encode([None], [b"value"], [broker.clock.now_ms()])
    data = TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=records)])
    answer = await broker.broker.handle(ProduceRequest(acks=acks, topic_data=[data]))
    partition = answer.responses[0].partition_responses[0]
    assert partition.error_code is ErrorCode.NONE
    return partition.base_offset


async def end_of(broker: MemoryBroker) -> int:
    asked = ListOffsetsPartition(partition_index=0, timestamp=LATEST_TIMESTAMP)
    answer = await broker.broker.handle(
        ListOffsetsRequest(topics=[ListOffsetsTopic(name="t", partitions=[asked])])
    )
    return answer.topics[0].partitions[0].offset


async def test_clients_reach_it_by_its_address():
    async with MemoryBroker() as broker:
        link = await open_link(broker.address)
        answer = await link.send(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=2)]))
        await link.close()

        assert answer.topics[0].error_code is ErrorCode.NONE
        assert broker.broker.directory.topics["t"].partitions == 2


async def test_two_do_not_share_anything():
    async with MemoryBroker() as one, MemoryBroker() as other:
        await create(one)

        assert one.address != other.address
        assert "t" not in other.broker.directory.topics


async def test_a_restart_keeps_everything():
    async with MemoryBroker(clock=ManualClock()) as broker:
        await create(broker)
        await produce(broker, acks=1)

        await broker.restart()

        assert await end_of(broker) == 1


async def test_a_power_cut_takes_what_was_not_synced_and_nothing_else():
    async with MemoryBroker(clock=ManualClock()) as broker:
        await create(broker)
        await produce(broker, acks=-1)
        await produce(broker, acks=1)
        assert await end_of(broker) == 2

        await broker.crash()
        await broker.start()

        assert await end_of(broker) == 1
        assert await produce(broker, acks=-1) == 1


async def test_a_kill_takes_nothing_that_was_written():
    async with MemoryBroker(clock=ManualClock()) as broker:
        await create(broker)
        await produce(broker, acks=1)

        await broker.crash(loses_power=False)
        await broker.start()

        assert await end_of(broker) == 1


async def test_misuse_is_named():
    broker = MemoryBroker("named")
    assert broker.address == "memory://named"
    with pytest.raises(Misuse, match="memory://named is not running"):
        _ = broker.broker

    await broker.start()
    with pytest.raises(Misuse, match="memory://named is running"):
        await broker.start()
    await broker.stop()
    await broker.stop()
