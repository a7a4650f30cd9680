"""Whole apps on the production engine, on files in memory and on a clock that tests move."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.app.app import App
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker


class Lab:
    """A broker, a clock, and what tests do with them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.broker = MemoryBroker(clock=self.clock)
        self.apps: list[App] = []

    def app(self, name: str = "shop", **settings: Any) -> App:
        """An app on this broker."""
        made = App(name, broker=self.broker.address, **settings)
        self.apps.append(made)
        return made

    async def start(self, app: App) -> None:
        await self.clock.drive(app.start())

    async def stop(self, app: App) -> None:
        await self.clock.drive(app.stop())

    async def send(
        self, topic: str, *values: bytes, key: bytes | None = None, timestamp_ms: int = 1_000
    ) -> None:
        """Produce from outside of any app."""
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.address)
        await self.clock.drive(producer.start())
        for value in values:
            sent = await self.clock.drive(producer.send(topic, value, key=key, timestamp_ms=timestamp_ms))
            await self.clock.drive(sent)
        await self.clock.drive(producer.stop())

    async def read(self, topic: str, partition: int = 0) -> list[Any]:
        """Every record that a ``read_committed`` reader sees."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        tp = TopicPartition(topic, partition)
        await self.clock.drive(consumer.start())
        try:
            consumer.assign([tp])
            end = (await self.clock.drive(consumer.end_offsets([tp])))[tp]
            found: list[Any] = []
            while await self.clock.drive(consumer.position(tp)) < end:
                got = await self.clock.drive(consumer.getmany(tp, timeout_ms=100))
                found += got.get(tp, [])
            return found
        finally:
            await self.clock.drive(consumer.stop())

    async def values(self, topic: str) -> list[bytes | None]:
        return [record.value for record in await self.read(topic)]


@pytest.fixture
async def lab():
    made = Lab()
    await made.broker.start()
    yield made
    for app in made.apps:
        await made.clock.drive(app.stop())
    await made.broker.stop()
