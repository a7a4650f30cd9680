"""Owns: an app that logs in at a port, and one that is not let in."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core import App
from streamz_core.aiokafka.errors import AuthenticationFailedError
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.protocol import scram
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.security.tls import TlsConfig
from streamz_core.server.server_config import ServerConfig
from tests.certificates import Authority
from tests.clients.served import Served

PASSWORD = "canary"
MECHANISM = ScramMechanism.SCRAM_SHA_512


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def served(authority, tmp_path):
    certificate, key = authority.issue("server")
    security = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key),
        sasl_mechanisms=("SCRAM-SHA-512",),
        super_users=frozenset({"User:ann"}),
    )
    salted = scram.salted_password(MECHANISM, Secret.of(PASSWORD), b"salt-of-ann", 4_096)
    user = ScramCredentialUpsertion(
        name="ann", mechanism=MECHANISM, iterations=4_096, salt=b"salt-of-ann", salted_password=salted
    )
    with Served(str(tmp_path / "data"), server=ServerConfig(port=0, security=security)) as made:
        made.run(made.broker.handle(AlterUserScramCredentialsRequest(upsertions=[user])))
        yield made


def counting(served, authority, **settings) -> App:
    return App(
        "secured",
        broker=f"kafka://{served.address}",
        store="memory://",
        security_protocol="SASL_SSL",
        ssl_cafile=authority.ca,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="ann",
        **settings,
    )


async def test_an_app_logs_in(served, authority, monkeypatch):
    monkeypatch.setenv("STREAMZ_SASL_PLAIN_PASSWORD", PASSWORD)
    app = counting(served, authority)
    seen = app.Table("seen", default=int)
    names = app.topic("names", value_type=str)
    counted: list[int] = []

    @app.agent(names, sink=[counted.append])
    async def count(stream):
        async for name in stream:
            seen[name] += 1
            yield seen[name]

    assert PASSWORD not in repr(app.conf)
    async with app:
        await (await names.send(key="ann", value="ann"))
        await (await names.send(key="ann", value="ann"))
        while len(counted) < 2:
            await asyncio.sleep(0.01)
    assert counted == [1, 2]


async def test_an_app_with_a_wrong_password_is_not_let_in(served, authority):
    app = counting(served, authority, sasl_plain_password="wrong")
    with pytest.raises(AuthenticationFailedError, match="SCRAM-SHA-512"):
        await app.start()
    await app.stop()


async def test_what_a_directory_cannot_have_is_refused(tmp_path):
    app = App("a", broker=f"file://{tmp_path}/data", security_protocol="SASL_SSL")
    with pytest.raises(ImproperlyConfigured, match="embedded log"):
        await app.start()
