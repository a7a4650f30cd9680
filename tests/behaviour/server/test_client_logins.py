"""Owns: our own clients at our own port, over TLS and by every way to log in. Must not know: how a login is made."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main
from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import broker_of, open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.tls import create_ssl_context
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.security.tls import ClientAuth, TlsConfig
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig
from tests.certificates import Authority

PASSWORD = "canary"
LOGIN_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
ANN = {"sasl_plain_username": "ann", "sasl_plain_password": PASSWORD}


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def served(request):
    """Serves a log with the user ann, who may do anything; the address."""
    opened = []

    async def serve(security):
        link = await open_link("memory://logins")
        async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
                await admin.upsert_user_scram_credential("ann", PASSWORD, mechanism, iterations=4096)
        server = await Server.start(broker_of(link), ServerConfig(port=0, security=security))
        opened.extend((server, link))
        return server.address

    yield serve
    for one in opened:
        await one.close()


async def produce_and_consume(address, **login):
    async with AIOKafkaProducer(bootstrap_servers=address, **login) as producer:
        await producer.send_and_wait("t", b"v")
    async with AIOKafkaConsumer(
        "t", bootstrap_servers=address, group_id="g", auto_offset_reset="earliest", **login
    ) as consumer:
        record = await consumer.getone()
        await consumer.commit()
    async with AIOKafkaAdminClient(bootstrap_servers=address, **login) as admin:
        assert "t" in await admin.list_topics()
    return record.value


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_scram(served, mechanism):
    address = await served(SecurityConfig(sasl_mechanisms=(mechanism,), super_users=frozenset({"User:ann"})))

    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": mechanism, **ANN}
    assert await produce_and_consume(address, **login) == b"v"


async def test_plain_over_tls(served, authority):
    certificate, key = authority.issue("server")
    address = await served(
        SecurityConfig(
            tls=TlsConfig(certificate=certificate, key=key),
            sasl_mechanisms=("PLAIN",),
            super_users=frozenset({"User:ann"}),
        )
    )

    context = create_ssl_context(cafile=authority.ca)
    login = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "ssl_context": context, **ANN}
    assert await produce_and_consume(address, **login) == b"v"


async def test_a_certificate_of_ones_own(served, authority):
    certificate, key = authority.issue("server")
    mine, my_key = authority.issue("client", "ann")
    tls = TlsConfig(certificate=certificate, key=key, client_ca=authority.ca, client_auth=ClientAuth.REQUIRED)
    address = await served(SecurityConfig(tls=tls, super_users=frozenset({"User:CN=ann,O=streamz tests"})))

    context = create_ssl_context(cafile=authority.ca, certfile=mine, keyfile=my_key)
    assert await produce_and_consume(address, security_protocol="SSL", ssl_context=context) == b"v"


async def test_a_wrong_password_is_refused_and_not_tried_again(served):
    address = await served(SecurityConfig(sasl_mechanisms=("SCRAM-SHA-256",)))

    with pytest.raises(errors.AuthenticationFailedError) as refused:
        await AIOKafkaProducer(
            bootstrap_servers=address,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-256",
            sasl_plain_username="ann",
            sasl_plain_password="wrong",
        ).start()

    assert "wrong" not in str(refused.value)


async def test_a_mechanism_that_is_not_offered_is_refused(served):
    address = await served(SecurityConfig(sasl_mechanisms=("SCRAM-SHA-256",)))

    with pytest.raises(errors.AuthenticationMethodNotSupported, match=r"SCRAM-SHA-256, not SCRAM-SHA-512"):
        await AIOKafkaProducer(
            bootstrap_servers=address,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            **ANN,
        ).start()


async def test_a_server_that_cannot_be_trusted_is_not_spoken_to(served, authority, tmp_path):
    certificate, key = authority.issue("server")
    address = await served(SecurityConfig(tls=TlsConfig(certificate=certificate, key=key)))
    context = create_ssl_context(cafile=Authority(tmp_path, "strangers").ca)

    with pytest.raises(errors.AuthenticationFailedError, match="cannot be trusted"):
        await AIOKafkaProducer(
            bootstrap_servers=address, security_protocol="SSL", ssl_context=context, request_timeout_ms=1
        ).start()


async def test_a_session_that_ends_is_followed_by_another(served):
    address = await served(
        SecurityConfig(
            sasl_mechanisms=("SCRAM-SHA-256",), session_max_ms=1_000, super_users=frozenset({"User:ann"})
        )
    )
    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-256", **ANN}
    async with AIOKafkaProducer(bootstrap_servers=address, **login) as producer:
        node = next(iter(producer._link._nodes.values()))
        first = next(iter(node._shared.values()))
        assert 0 < first.login.lifetime_ms <= 1_000
        first.expires_at_ms = 0  # as if that long had passed

        await producer.send_and_wait("t", b"v")
        await producer.partitions_for("t")

        assert first not in node._shared.values()


@pytest.mark.parametrize("verb", ["topics --create --topic t", "kcat -L", "console-producer --topic t"])
async def test_the_command_line_logs_in_as_its_properties_say(served, tmp_path, verb):
    address = await served(
        SecurityConfig(sasl_mechanisms=("SCRAM-SHA-256",), super_users=frozenset({"User:ann"}))
    )
    properties = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.jaas.config": f'{LOGIN_MODULE} required username="ann" password="canary";',
    }
    file = tmp_path / "client.properties"
    file.write_text("".join(f"{name}={text}\n" for name, text in properties.items()))
    option = {"topics": "--command-config", "kcat": "-F", "console-producer": "--producer.config"}
    name, *rest = verb.split()
    server_option = "-b" if name == "kcat" else "--bootstrap-server"
    line = [name, server_option, address, option[name], str(file), *rest]

    done = await asyncio.to_thread(CliRunner().invoke, main, line, input=b"v\n")

    assert (done.exit_code, "refused" in done.output) == (0, False), done.output
