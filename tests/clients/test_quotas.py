"""Owns: a real client beyond its quota: it is told, believes it, and all it sends arrives."""

import pytest

from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    QuotaAlteration,
    QuotaEntityPart,
    QuotaOperation,
)
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from tests.clients.conftest import without


@pytest.fixture
def library():
    try:
        import confluent_kafka
    except ImportError:
        without("confluent-kafka")
    return confluent_kafka


def test_librdkafka_is_throttled(served, library):
    served.run(served.broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t")])))
    quota = QuotaAlteration(
        entity=[QuotaEntityPart(entity_type="client-id", entity_name="fast")],
        ops=[QuotaOperation(key="producer_byte_rate", value=100_000.0)],
    )
    served.run(served.broker.handle(AlterClientQuotasRequest(entries=[quota])))
    throttled, delivered = [], []
    producer = library.Producer(
        {
            "bootstrap.servers": served.address,
            "client.id": "fast",
            "batch.num.messages": 1,
            "throttle_cb": throttled.append,
        }
    )

    for _ in range(21):
        producer.produce("t", bytes(50_000), on_delivery=lambda error, _: delivered.append(error))
    assert producer.flush(30) == 0
    producer.poll(0)

    assert delivered == [None] * 21
    assert max(one.throttle_time for one in throttled) > 0.1
