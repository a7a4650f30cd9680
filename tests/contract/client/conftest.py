"""Clients of the real broker on files in memory, by the clock of the test.

Owns: fixtures. Must not know: what is tested.
"""

from __future__ import annotations

import itertools

import pytest

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.testing.manual_clock import ManualClock

_names = itertools.count()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def address(clock):
    """An open log with the topics ``t`` (1 partition) and ``four`` (4); held open for the whole test."""
    name = f"memory://contract-{next(_names)}"
    link = await open_link(name, clock=clock)
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        (await admin.create_topics([NewTopic("t", 1, 1), NewTopic("four", 4, 1)])).raise_for_errors()
    yield name
    await clock.drive(link.close())


@pytest.fixture
async def producer(address):
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        yield producer


@pytest.fixture
async def consumers(address, clock):
    """Makes started consumers, and stops them."""
    made = []

    async def make(*topics, **settings):
        settings.setdefault("auto_offset_reset", "earliest")
        listener = settings.pop("listener", None)
        consumer = AIOKafkaConsumer(bootstrap_servers=address, **settings)
        if topics:
            consumer.subscribe(topics, listener=listener)
        made.append(consumer)
        await clock.drive(consumer.start())
        return consumer

    yield make
    for consumer in made:
        await clock.drive(consumer.stop())
