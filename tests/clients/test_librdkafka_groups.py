"""Owns: what librdkafka's members of the consumer protocol (KIP-848) do with our wire port."""

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


def polled(members, reached):
    """Poll all until ``reached``; the values that were read."""
    values = []
    ends_at = monotonic() + 60
    while not reached(values):
        assert monotonic() < ends_at, [len(member.assignment()) for member in members]
        for member in members:
            message = member.poll(0.05)
            if message is not None:
                assert message.error() is None, message.error()
                values.append(message.value())
    return values


def test_members_share_and_hand_over(served, join):
    admin = AdminClient({"bootstrap.servers": served.address})
    admin.create_topics([NewTopic("t", 4)])["t"].result(30)
    producer = confluent_kafka.Producer({"bootstrap.servers": served.address})
    for number in range(100):
        producer.produce("t", str(number))
    producer.flush(30)

    first = join("t")
    values = polled([first], lambda values: len(values) == 100)
    first.commit(asynchronous=False)
    second = join("^t$", **{"group.remote.assignor": "range"})
    more = polled([first, second], lambda _: len(first.assignment()) == len(second.assignment()) == 2)
    described = admin.describe_consumer_groups(["g"])["g"].result(30)
    first.close()
    more += polled([second], lambda _: len(second.assignment()) == 4)

    assert sorted(map(int, values)) == list(range(100))
    assert more == []
    assert described.type == confluent_kafka.ConsumerGroupType.CONSUMER
    assert [len(member.assignment.topic_partitions) for member in described.members] == [2, 2]


def test_a_group_is_restarted_with_the_new_protocol(served, join):
    admin = AdminClient({"bootstrap.servers": served.address})
    admin.create_topics([NewTopic("t", 4)])["t"].result(30)
    classic = {"group.protocol": "classic", "heartbeat.interval.ms": 100}
    strategy = {"partition.assignment.strategy": "cooperative-sticky"}
    old = join("t", **classic, **strategy)
    polled([old], lambda _: len(old.assignment()) == 4)

    new = join("t")
    polled([old, new], lambda _: len(old.assignment()) == len(new.assignment()) == 2)
    old.close()
    polled([new], lambda _: len(new.assignment()) == 4)
    back = join("t", **classic, **strategy)
    polled([new, back], lambda _: len(new.assignment()) == len(back.assignment()) == 2)
    new.close()
    polled([back], lambda _: len(back.assignment()) == 4)
