"""Clients of the real broker on files in memory, by the clock of the test: in its process, and over a socket.

Owns: fixtures. Must not know: what is tested.
"""

from __future__ import annotations

import itertools

import pytest

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import broker_of, open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.tcp.cluster_link import ClusterLink
from streamz_core.client.tcp.endpoint import Endpoint
from streamz_core.client.tcp.link_settings import LinkSettings
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig
from streamz_core.testing.manual_clock import ManualClock
from tests.contract.client.socket_clock import SocketClock

_names = itertools.count()


@pytest.fixture(params=["embedded", "socket"])
def way(request) -> str:
    """How clients reach the broker."""
    return request.param


@pytest.fixture
def clock(way) -> ManualClock:
    return SocketClock() if way == "socket" else ManualClock()


@pytest.fixture
async def log(clock):
    """The address of an open log with the topics ``t`` (1 partition) and ``four`` (4)."""
    name = f"memory://contract-{next(_names)}"
    link = await open_link(name, clock=clock)
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        (await admin.create_topics([NewTopic("t", 1, 1), NewTopic("four", 4, 1)])).raise_for_errors()
    yield name
    await clock.drive(link.close())


@pytest.fixture
async def address(log, way, clock, tmp_path):
    """What clients are given: the log's address, or a link to a server of it."""
    if way == "embedded":
        yield log
        return
    path = str(tmp_path / "broker.sock")
    owner = await open_link(log)
    server = await Server.start(broker_of(owner), ServerConfig(host=None, socket_path=path))
    link = await ClusterLink.open([Endpoint(path=path)], LinkSettings(), clock)
    yield link
    await clock.drive(link.close())
    await clock.drive(server.close())
    await owner.close()


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
