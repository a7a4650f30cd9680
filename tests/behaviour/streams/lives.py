"""``Lives``: instances of one app that come, go and are killed, on one log, by a clock of the test's own.

Owns: starting, stopping and killing them, writing input, and reading what was committed.
Must not know: what the app does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from streamz_core.app.app import App
from streamz_core.broker.config import BrokerConfig
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.testing.driven_app import FAR_S, TOPIC_CONFIG, app_of, run_to_end
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker

_numbers = itertools.count(1)


class Lives:
    """An app's lives. Every topic has ``partitions`` partitions."""

    def __init__(self, make: Callable[[], Any], topics: Iterable[str], partitions: int) -> None:
        self._make, self._topics, self._partitions = make, tuple(topics), partitions
        self._name = f"lives-{next(_numbers)}"
        self.clock = ManualClock()
        self.broker = self._broker_on(None)
        self.apps: list[App] = []

    async def begin(self) -> None:
        """The log with its input topics, and one instance."""
        await self.broker.start()
        topics = [
            CreatableTopic(
                name=name, num_partitions=self._partitions, replication_factor=1, configs=TOPIC_CONFIG
            )
            for name in self._topics
        ]
        await self.broker.broker.handle(CreateTopicsRequest(topics=topics))
        await self.join()

    async def write(self, rows: Iterable[tuple[str, int, bytes, bytes | None, int]]) -> None:
        """Write (topic, partition, key, value, timestamp) and let it be processed; it need not be committed."""
        async with AIOKafkaProducer(bootstrap_servers=self.broker.address, linger_ms=0) as producer:
            for topic, partition, key, value, timestamp in rows:
                sent = await producer.send_columns(topic, partition, [key], [value], [timestamp])
                await self.clock.settle()
                await sent
        await self.clock.settle()

    async def commit(self) -> None:
        """Everything written is processed and committed."""
        await run_to_end(self.apps, self.broker, self.clock)

    async def join(self) -> None:
        """An instance more: partitions are handed over to it."""
        app = app_of(self._make(), "lives")
        app.reconfigure(
            broker=self.broker.address, timestamp_ahead_max=FAR_S, topic_partitions=self._partitions
        )
        await self.clock.drive(app.start())
        await self.clock.settle()
        self.apps.append(app)

    async def leave(self) -> None:
        """One instance stops, as on SIGTERM."""
        await self.clock.drive(self.apps.pop(0).stop())
        await self.clock.settle()

    async def die(self, *, loses_power: bool) -> None:
        """The process dies with the log and all instances in it, and is started again with one."""
        image = self.broker.image(loses_power=loses_power)
        # What still happens to the dead, happens to files that nobody will ever read.
        await self.end()
        self.broker = self._broker_on(image)
        await self.broker.start()
        await self.join()

    async def end(self) -> None:
        """Stop everything."""
        while self.apps:
            await self.leave()
        await self.broker.stop()

    async def read(self, *topics: str) -> dict[str, list[Any]]:
        """The committed records of topics."""
        consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self.broker.address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        found: dict[str, list[Any]] = {topic: [] for topic in topics}
        await consumer.start()
        while fetched := await self.clock.drive(consumer.getmany(timeout_ms=50)):
            for partition, records in fetched.items():
                found[partition.topic] += records
        await self.clock.drive(consumer.stop())
        return found

    def _broker_on(self, image: Any) -> MemoryBroker:
        config = BrokerConfig(auto_create_topics=False)
        return MemoryBroker(self._name, clock=self.clock, config=config, image=image)
