"""Owns: a directory that another process owns is worked on through that process. Must not know: how it is reached."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.client import local_link, remote_link
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import ConnectionLost
from streamz_core.client.local_link import is_local, open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.clock import SystemClock
from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles
from streamz_core.log.layout import SOCKET_FILE
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig


@pytest.fixture
async def owner(tmp_path):
    """Whoever has the directory: its lock keeps this process from opening it a second time as well."""
    broker = await Broker.open(DiskFiles(), str(tmp_path), SystemClock(), BrokerConfig())
    yield broker
    await broker.close()


@pytest.fixture
async def serve(owner, tmp_path):
    servers = []

    async def start(**config):
        servers.append(await Server.start(owner, ServerConfig(**config)))
        return servers[-1]

    yield start
    for server in servers:
        await server.close()


@pytest.mark.parametrize("doors", ["socket", "port"])
async def test_clients_work_through_the_owner(serve, tmp_path, doors):
    if doors == "socket":
        await serve(host=None, socket_path=f"{tmp_path}/{SOCKET_FILE}")
    else:
        await serve(port=0)
    address = f"file://{tmp_path}"

    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait("t", b"v")
    async with AIOKafkaConsumer(
        "t", bootstrap_servers=address, group_id="g", auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value == b"v"
        await consumer.commit()


async def test_an_owner_that_serves_nobody_is_named_with_what_can_be_done(owner, tmp_path, monkeypatch):
    monkeypatch.setattr(local_link, "OWNER_WAIT_MS", 0)

    with pytest.raises(
        DirectoryOwned, match=r"in use by process \d+, which does not serve others: have it listen"
    ):
        await open_link(f"file://{tmp_path}")


async def test_an_owner_that_is_about_to_listen_is_waited_for(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(local_link, "OWNER_WAIT_MS", 20_000)
    asked = asyncio.Event()
    refused = local_link.open_at_owner

    async def told(*arguments):
        asked.set()
        return await refused(*arguments)

    monkeypatch.setattr(local_link, "open_at_owner", told)
    opening = asyncio.ensure_future(open_link(f"file://{tmp_path}"))
    await asked.wait()
    await serve(host=None, socket_path=f"{tmp_path}/{SOCKET_FILE}")

    link = await opening

    assert not is_local(link)
    await link.close()


async def test_a_note_of_an_owner_that_listens_no_more_is_not_believed(owner, tmp_path, monkeypatch):
    owner.advertise("127.0.0.1", 1, is_local=True)
    monkeypatch.setattr(local_link, "OWNER_WAIT_MS", 0)
    monkeypatch.setattr(remote_link, "OWNER_OPEN_MS", 1)

    with pytest.raises(DirectoryOwned):
        await open_link(f"file://{tmp_path}")


async def test_when_the_owner_is_gone_so_is_the_link_and_the_directory_can_be_opened(owner, serve, tmp_path):
    server = await serve(host=None, socket_path=f"{tmp_path}/{SOCKET_FILE}")
    link = await open_link(f"file://{tmp_path}")
    await server.close()
    await owner.close()

    for _ in range(2):
        with pytest.raises(ConnectionLost, match=rf"{SOCKET_FILE} is gone"):
            await link.send(MetadataRequest())

    await link.close()
    mine = await open_link(f"file://{tmp_path}")
    assert is_local(mine)
    await mine.close()
