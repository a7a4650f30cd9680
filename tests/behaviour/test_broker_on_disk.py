"""The data path on a real disk: threads that sync, a lock that is held and given back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.errors import ErrorCode
from streamz_core.log.errors import DirectoryOwned, ForeignDirectory
from streamz_core.log.files import DiskFiles
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData

if TYPE_CHECKING:
    from pathlib import Path


async def _open(path: Path) -> Broker:
    return await Broker.open(DiskFiles(), str(path), SystemClock())


async def _produce(broker: Broker, partition: int, value: bytes) -> int:
    records = record_batch.encode([None], [value], [0])
    data = PartitionProduceData(index=partition, records=records)
    request = ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=[data])])
    answer = (await broker.handle(request)).responses[0].partition_responses[0]
    assert answer.error_code is ErrorCode.NONE, answer.error_message
    return answer.base_offset


async def _values(broker: Broker, partition: int) -> list[bytes | None]:
    values: list[bytes | None] = []
    asked = FetchPartition(partition=partition, fetch_offset=0)
    request = FetchRequest(topics=[FetchTopic(topic="t", partitions=[asked])], max_wait_ms=10_000)
    records = (await broker.handle(request)).responses[0].partitions[0].records
    for position, _ in record_batch.split(records):
        values += record_batch.decode(records, position).values
    return values


async def test_many_producers_at_once_lose_nothing(tmp_path: Path) -> None:
    broker = await _open(tmp_path / "data")
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=4)]))

    offsets = await asyncio.gather(*(_produce(broker, n % 4, b"%d" % n) for n in range(200)))
    logs = [broker.log("t", index) for index in range(4)]
    assert all(log is not None and log.durable_offset == 50 for log in logs)
    await broker.abandon()

    again = await _open(tmp_path / "data")
    assert sorted(offsets) == sorted(list(range(50)) * 4)
    for partition in range(4):
        values = await _values(again, partition)
        assert sorted(values) == sorted(b"%d" % n for n in range(partition, 200, 4))
    await again.close()


async def test_a_poll_is_answered_by_a_durable_record(tmp_path: Path) -> None:
    broker = await _open(tmp_path / "data")
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t")]))
    polling = asyncio.create_task(_values(broker, 0))
    await asyncio.sleep(0)

    await _produce(broker, 0, b"a")

    assert await polling == [b"a"]
    await broker.close()


async def test_a_directory_has_one_owner(tmp_path: Path) -> None:
    broker = await _open(tmp_path / "data")
    with pytest.raises(DirectoryOwned):
        await _open(tmp_path / "data")

    await broker.close()
    await (await _open(tmp_path / "data")).close()


async def test_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(ForeignDirectory, match=r"thesis\.txt"):
        await _open(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


async def test_opening_that_is_given_up_leaves_the_directory_free(tmp_path: Path) -> None:
    opening = asyncio.create_task(_open(tmp_path / "data"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    async with asyncio.timeout(10):
        while True:
            try:
                broker = await _open(tmp_path / "data")
            except DirectoryOwned:
                await asyncio.sleep(0.001)  # the thread that was given up is not done yet
            else:
                break
    await broker.close()
