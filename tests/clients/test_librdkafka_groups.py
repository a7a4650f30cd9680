"""Owns: librdkafka's members of both group protocols in one group, as while they are restarted one by one."""

from time import monotonic

import pytest

from streamz_core.broker.config import BrokerConfig
from tests.clients.conftest import without
from tests.clients.served import Served

try:
    import confluent_kafka
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    confluent_kafka = None


@pytest.fixture
def served(tmp_path):
    if confluent_kafka is None:
        without("confluent-kafka")
    with Served(str(tmp_path / "data"), BrokerConfig(group_consumer_heartbeat_interval_ms=100)) as served:
        yield served


@pytest.fixture
def join(served):
    """Makes members of group ``g``; all are closed in the end."""
    open_ = []

    def join(topic, **settings):
        given = {"group.id": "g", "group.protocol": "consumer", "auto.offset.reset": "earliest"}
        member = confluent_kafka.Consumer({"bootstrap.servers": served.address, **given, **settings})
        member.subscribe([topic])
        open_.append(member)
        return member

    yield join
    for member in open_:
        member.close()


def polled(*members):
    """Poll all until they share the partitions evenly."""
    ends_at = monotonic() + 60
    while {len(member.assignment()) for member in members} != {4 // len(members)}:
        assert monotonic() < ends_at, [len(member.assignment()) for member in members]
        for member in members:
            message = member.poll(0.05)
            assert message is None or message.error() is None, message.error()


def test_a_group_is_restarted_with_the_new_protocol(served, join):
    admin = AdminClient({"bootstrap.servers": served.address})
    admin.create_topics([NewTopic("t", 4)])["t"].result(30)
    classic = {"group.protocol": "classic", "heartbeat.interval.ms": 100}
    strategy = {"partition.assignment.strategy": "cooperative-sticky"}
    old = join("t", **classic, **strategy)
    polled(old)

    new = join("^t$", **{"group.remote.assignor": "uniform"})
    polled(old, new)
    old.close()
    polled(new)
    back = join("t", **classic, **strategy)
    polled(new, back)
    new.close()
    polled(back)
