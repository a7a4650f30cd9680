"""A cluster of scripted brokers, and links to it. Must not know: what is tested."""

from __future__ import annotations

import pytest

from streamz_core.client.tcp.cluster_link import ClusterLink
from streamz_core.client.tcp.endpoint import Endpoint
from streamz_core.client.tcp.link_settings import LinkSettings
from streamz_core.clock import SystemClock
from tests.unit.client.tcp.scripted_broker import ScriptedBroker

SETTINGS = LinkSettings(
    client_id="test", reconnect_backoff_ms=1, reconnect_backoff_max_ms=10, open_timeout_ms=5_000
)


@pytest.fixture
async def cluster():
    """Makes a cluster of so many brokers, which lead the partitions of ``t`` in turn."""
    made = []

    async def make(count, partitions=4):
        leaders = {"t": [index % count for index in range(partitions)]}
        brokers = [ScriptedBroker(node_id, leaders) for node_id in range(count)]
        for one in brokers:
            one.brokers = brokers
            await one.start()
            made.append(one)
        return brokers

    yield make
    for one in made:
        await one.stop()


@pytest.fixture
async def opened():
    """Opens links to brokers, and closes them."""
    links = []

    async def make(*brokers, settings=SETTINGS):
        endpoints = [Endpoint("127.0.0.1", one.port) for one in brokers]
        link = await ClusterLink.open(endpoints, settings, SystemClock())
        links.append(link)
        return link

    yield make
    for link in links:
        await link.close()
