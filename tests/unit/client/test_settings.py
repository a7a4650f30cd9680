"""Owns: the tests that every parameter is honoured or refused. Must not know: brokers."""

from __future__ import annotations

import ssl

import pytest

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import KafkaConfigurationError, KafkaConnectionError
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.settings import SettingError

CLIENTS = [AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient]


@pytest.mark.parametrize(
    "wrong",
    [
        {"acks": 2},
        {"acks": "some"},
        {"acks": 1, "enable_idempotence": True},
        {"acks": 0, "transactional_id": "x"},
        {"enable_idempotence": "false"},
        {"transactional_id": ""},
        {"compression_type": "rar"},
        {"partitioner": 3},
        {"key_serializer": "json"},
        {"max_batch_size": 0},
        {"linger_ms": -1},
        {"request_timeout_ms": "40"},
        {"buffer_memory": 0},
    ],
)
def test_wrong_producer_settings_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]) as raised:
        AIOKafkaProducer(bootstrap_servers="memory://x", **wrong)

    assert isinstance(raised.value, KafkaConfigurationError)


@pytest.mark.parametrize(
    "wrong",
    [
        {"auto_offset_reset": "newest"},
        {"enable_auto_commit": "false"},
        {"check_crcs": None},
        {"exclude_internal_topics": "no"},
        {"isolation_level": "serializable"},
        {"group_id": ""},
        {"group_instance_id": "a"},
        {"max_poll_records": 0},
        {"heartbeat_interval_ms": 10_000},
        {"session_timeout_ms": 0},
        {"value_deserializer": 1},
        {"partition_assignment_strategy": ()},
        {"partition_assignment_strategy": (int,)},
        {"rebalance_timeout_ms": 0},
        {"fetch_max_bytes": True},
    ],
)
def test_wrong_consumer_settings_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]) as raised:
        AIOKafkaConsumer("t", bootstrap_servers="memory://x", **wrong)

    assert isinstance(raised.value, KafkaConfigurationError)


@pytest.mark.parametrize("client", CLIENTS)
def test_security_that_an_embedded_log_cannot_give_is_refused(client):
    with pytest.raises(KafkaConfigurationError, match="file permissions"):
        client(
            bootstrap_servers="memory://x", security_protocol="SSL", ssl_context=ssl.create_default_context()
        )
    with pytest.raises(KafkaConfigurationError, match="security_protocol"):
        client(bootstrap_servers="memory://x", security_protocol="TLS")
    with pytest.raises(KafkaConfigurationError, match="ssl_context"):
        client(bootstrap_servers="host:1", security_protocol="SSL")


@pytest.mark.parametrize("client", CLIENTS)
def test_settings_of_connections_are_taken_for_an_embedded_log(client):
    client(
        bootstrap_servers="memory://x",
        sasl_plain_username="u",
        sasl_plain_password="p",
        connections_max_idle_ms=1,
    )


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_cluster_that_does_not_answer_is_named(client):
    with pytest.raises(KafkaConnectionError, match=r"no broker of kafka://127\.0\.0\.1:1 can be reached"):
        await client(bootstrap_servers="127.0.0.1:1", request_timeout_ms=1).start()


async def test_a_name_that_may_be_a_directory_is_asked_about():
    with pytest.raises(KafkaConnectionError, match=r"if 'data' is meant to be a directory, write \./data"):
        await AIOKafkaProducer(bootstrap_servers="data:1", request_timeout_ms=1).start()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        ({"sasl_mechanism": "GSSAPI"}, "Kerberos"),
        ({"sasl_mechanism": "PLAIN"}, "sasl_plain_username"),
        ({"sasl_mechanism": "SCRAM-SHA-256", "sasl_plain_username": "u"}, "sasl_plain_password"),
        ({"sasl_mechanism": "OAUTHBEARER"}, "sasl_oauth_token_provider"),
    ],
)
def test_a_login_that_lacks_something_is_refused(client, settings, lacks):
    with pytest.raises(SettingError, match=lacks):
        client(bootstrap_servers="127.0.0.1:9092", security_protocol="SASL_PLAINTEXT", **settings)


async def test_a_link_is_its_own_address(link):
    assert await open_link(link) is link
