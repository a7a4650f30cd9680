"""Owns: an app that lets other programs in: at a port with TLS and logins, and at none that would be open."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core import App, Misuse, SecurityConfig, ServerConfig, TlsConfig
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.local_link import open_link
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.limits import Limits
from tests.certificates import Authority
from tests.clients.conftest import without
from tests.clients.secured import LIBRARIES, Login, Refused

PASSWORD = "canary"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def listening(authority, address="0.0.0.0:0", **more) -> ServerConfig:
    certificate, key = authority.issue("server")
    security = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key),
        sasl_mechanisms=("SCRAM-SHA-512",),
        super_users=frozenset({"User:ann", "User:ann,=lee"}),
    )
    return ServerConfig.at(address, security=security, **more)


async def port_of(broker: str) -> int:
    """Where other programs are told to connect to."""
    link = await open_link(broker)
    try:
        (node,) = (await link.send(MetadataRequest(topics=[]))).brokers
        return node.port
    finally:
        await link.close()


async def add_user(broker: str, name: str) -> None:
    async with AIOKafkaAdminClient(bootstrap_servers=broker) as admin:
        await admin.upsert_user_scram_credential(
            name, Secret.of(PASSWORD), ScramMechanism.SCRAM_SHA_512, iterations=4_096
        )


@pytest.mark.parametrize("called", LIBRARIES)
async def test_other_programs_log_in_at_an_app(called, authority, tmp_path):
    library = LIBRARIES[called]
    broker = f"file://{tmp_path}/data"
    app = App("a", broker=broker, store="memory://", listen=listening(authority))
    names = app.topic("names", value_type=bytes)
    heard = asyncio.Queue()

    @app.agent(names)
    async def hear(stream):
        async for name in stream:
            heard.put_nowait(name)

    async with app:
        await add_user(broker, library.user)
        address = f"127.0.0.1:{await port_of(broker)}"

        def login(password: str) -> Login:
            return Login("SASL_SSL", "SCRAM-SHA-512", library.user, password, ca=authority.ca)

        try:
            client = library(address, login(PASSWORD))
        except ImportError:
            without(called)
        await asyncio.to_thread(client.send, "names", b"ann")
        assert await heard.get() == b"ann"
        assert await asyncio.to_thread(client.read, "names", "readers") == b"ann"
        if called == "confluent-kafka":
            with pytest.raises(Refused):
                await asyncio.to_thread(library(address, login("wrong")).send, "names", b"bob")


async def test_an_app_opens_no_port_to_the_network_without_tls_and_logins(tmp_path):
    app = App("a", broker=f"file://{tmp_path}/data", listen="0.0.0.0:0")

    with pytest.raises(Misuse, match=r"'0\.0\.0\.0' lets other machines connect, and there is no TLS"):
        await app.start()
    await app.stop()


async def test_two_apps_of_a_process_share_a_port_if_they_mean_the_same(authority, tmp_path):
    broker, listen = f"file://{tmp_path}/data", listening(authority, "127.0.0.1:0")
    other = ServerConfig.at("127.0.0.1:0", security=listen.security, limits=Limits(idle_ms=1))
    async with (
        App("one", broker=broker, store="memory://", listen=listen),
        App("two", broker=broker, store="memory://", listen=listen),
    ):
        app = App("three", broker=broker, store="memory://", listen=other)
        with pytest.raises(
            Misuse, match=r"another app of this process serves .* at 127\.0\.0\.1:0 \(SASL_SSL\)"
        ):
            await app.start()
        await app.stop()
