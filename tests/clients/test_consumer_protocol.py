"""Owns: that members of the new consumer protocol (KIP-848) share partitions in librdkafka, and succeed old ones."""

import pytest

from tests.clients.conftest import without
from tests.clients.foreign import New
from tests.clients.test_python_clients import poll_until


@pytest.fixture
def client(served):
    try:
        from tests.clients.confluent import Confluent
    except ImportError:
        without("confluent-kafka")
    made = Confluent(served.address)
    yield made
    made.close()


def test_members_share_partitions_as_they_come_and_go(client):
    client.create_topic("views", 4)
    client.send("views", [New(b"%d" % n, partition=n % 4) for n in range(40)])
    first = client.member("views", "readers")
    poll_until(first, done=lambda records: len(records) == 40)
    first.commit()

    second = client.member("views", "readers")
    poll_until(first, second, done=lambda *_: len(first.assignment()) == len(second.assignment()) == 2)
    assert first.assignment() | second.assignment() == {0, 1, 2, 3}

    first.close()
    poll_until(second, done=lambda _: second.assignment() == {0, 1, 2, 3})
    client.send("views", [New(b"last", partition=n) for n in range(4)])
    (last,) = poll_until(second, done=lambda records: len(records) >= 4)
    assert [one.value for one in last] == [b"last"] * 4
    second.close()


def test_a_group_of_old_members_goes_on_with_new_ones(client):
    client.create_topic("views", 2)
    client.send("views", [New(b"%d" % n, partition=n % 2) for n in range(10)])
    old = client.consumer("views", "readers")
    poll_until(old, done=lambda records: len(records) == 10)
    old.commit()
    old.close()

    new = client.member("views", "readers")
    client.send("views", [New(b"more", partition=0)])
    (found,) = poll_until(new, done=lambda records: len(records) >= 1)

    assert [one.value for one in found] == [b"more"]
    new.close()
