"""A broker on in-memory files and a manual clock, and few words to talk to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicResult,
    CreateTopicsRequest,
)
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchTopic,
    IsolationLevel,
)
from streamz_core.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)
from streamz_core.testing.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class Talk:
    """Requests to one broker, in few words."""

    def __init__(self, broker: Broker, clock: ManualClock) -> None:
        self.broker = broker
        self.clock = clock

    async def create(self, name: str, partitions: int = 1, **configs: str) -> CreatableTopicResult:
        named = {key.replace("_", "."): value for key, value in configs.items()}
        topic = CreatableTopic(name=name, num_partitions=partitions, configs=named)
        response = await self.broker.handle(CreateTopicsRequest(topics=[topic]))
        return response.topics[0]

    def batch(self, *values: bytes, timestamp: int | None = None, **options: Any) -> bytes:
        at = self.clock.now_ms() if timestamp is None else timestamp
        return record_batch.encode([None] * len(values), list(values), [at] * len(values), **options)

    async def produce(
        self,
        topic: str,
        *values: bytes,
        partition: int = 0,
        acks: int = -1,
        timeout_ms: int = 30_000,
        transactional_id: str | None = None,
        **options: Any,
    ) -> PartitionProduceResponse:
        data = PartitionProduceData(index=partition, records=self.batch(*values, **options))
        return await self.produce_bytes(
            topic, data, acks=acks, timeout_ms=timeout_ms, transactional_id=transactional_id
        )

    async def produce_bytes(
        self, topic: str, data: PartitionProduceData, **options: Any
    ) -> PartitionProduceResponse:
        request = ProduceRequest(topic_data=[TopicProduceData(name=topic, partition_data=[data])], **options)
        response = await self.broker.handle(request)
        return response.responses[0].partition_responses[0]

    async def fetch(
        self,
        topic: str,
        offset: int = 0,
        *,
        partition: int = 0,
        partition_max_bytes: int = 1 << 20,
        committed: bool = False,
        max_wait_ms: int = 0,
        **options: Any,
    ) -> FetchPartitionResponse:
        asked = FetchPartition(
            partition=partition, fetch_offset=offset, partition_max_bytes=partition_max_bytes
        )
        request = FetchRequest(
            topics=[FetchTopic(topic=topic, partitions=[asked])],
            max_wait_ms=max_wait_ms,
            isolation_level=IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED,
            **options,
        )
        response = await self.broker.handle(request)
        return response.responses[0].partitions[0]

    async def values(self, topic: str, offset: int = 0, *, partition: int = 0) -> Sequence[bytes | None]:
        return decoded((await self.fetch(topic, offset, partition=partition)).records)


def decoded(records: bytes | bytearray | memoryview) -> list[bytes | None]:
    values: list[bytes | None] = []
    for position, _ in record_batch.split(records):
        values += record_batch.decode(records, position).values
    return values


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


class Opener:
    def __init__(self, clock: ManualClock, files: MemoryFiles) -> None:
        self._clock = clock
        self._files = files
        self.opened: list[Broker] = []

    async def __call__(self, *, files: Any = None, **config: Any) -> Talk:
        broker = await Broker.open(files or self._files, "/data", self._clock, BrokerConfig(**config))
        self.opened.append(broker)
        return Talk(broker, self._clock)


@pytest.fixture
async def open_broker(clock: ManualClock, files: MemoryFiles) -> AsyncIterator[Opener]:
    """Opens a broker on the test's files; all are closed in the end."""
    opener = Opener(clock, files)
    yield opener
    for broker in opener.opened:
        await broker.close()


@pytest.fixture
async def talk(open_broker: Opener) -> Talk:
    """A broker with a topic ``t`` of two partitions."""
    talk = await open_broker()
    await talk.create("t", 2)
    return talk


@pytest.fixture
def values_of() -> Any:
    return decoded
