"""Owns: what client libraries made for Kafka do with our wire port, the same for each of them."""

import pytest

from tests.clients.foreign import New

PATIENCE = 300
"""Polls, of up to a tenth of a second each."""


@pytest.fixture
def consumers():
    """Whatever is to be closed."""
    opened = []
    yield opened
    for one in opened:
        one.close()


def poll_until(*consumers, done):
    """Poll in turn until ``done(records of each)``; those records."""
    found = [[] for _ in consumers]
    for _ in range(PATIENCE):
        if done(*found):
            return found
        for records, consumer in zip(found, consumers, strict=True):
            records += consumer.poll()
    raise AssertionError(f"after {PATIENCE} polls: {[len(records) for records in found]} records")


def read(client, topic, count, **options):
    consumer = client.consumer(topic, **options)
    try:
        (records,) = poll_until(consumer, done=lambda records: len(records) >= count)
        return records
    finally:
        consumer.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_is_sent_is_read(client, compression):
    client.create_topic("views", 2)
    headers = (("trace", b"\x00\xff"), ("empty", b""))
    sent = [New(b"v%d" % n, b"k%d" % n, n % 2, 1_700_000_000_000 + n, headers) for n in range(200)]

    where = client.send("views", sent, compression=compression)

    found = {(one.partition, one.offset): one for one in read(client, "views", 200)}
    assert sorted(where) == sorted(found)
    by_value = {one.value: one for one in found.values()}
    for new in sent:
        one = by_value[new.value]
        assert (one.key, one.partition, one.timestamp_ms, one.headers) == (
            new.key,
            new.partition,
            new.timestamp_ms,
            headers,
        )


@pytest.mark.parametrize(("acks", "idempotent"), [("0", False), ("1", False), ("all", False), ("all", True)])
def test_every_kind_of_acknowledgement(client, acks, idempotent):
    client.create_topic("views", 1)

    client.send("views", [New(b"%d" % n) for n in range(50)], acks=acks, idempotent=idempotent)

    assert [one.value for one in read(client, "views", 50)] == [b"%d" % n for n in range(50)]


def test_tombstones_and_empty_values_are_told_apart(client):
    client.create_topic("views", 1)

    client.send("views", [New(None, b"gone"), New(b"", b"empty")])

    assert [(one.key, one.value) for one in read(client, "views", 2)] == [(b"gone", None), (b"empty", b"")]


def test_a_large_record(client):
    client.create_topic("views", 1)
    value = bytes(range(256)) * 3_600

    client.send("views", [New(value)])

    assert read(client, "views", 1)[0].value == value


def test_members_share_partitions_as_they_come_and_go(client, consumers):
    client.create_topic("views", 4)
    client.send("views", [New(b"%d" % n, partition=n % 4) for n in range(40)])
    first = client.consumer("views", "readers")
    consumers.append(first)
    poll_until(first, done=lambda records: len(records) == 40)
    assert first.assignment() == {0, 1, 2, 3}
    first.commit()

    second = client.consumer("views", "readers")
    consumers.append(second)
    poll_until(first, second, done=lambda *_: len(first.assignment()) == len(second.assignment()) == 2)
    assert first.assignment() | second.assignment() == {0, 1, 2, 3}
    client.send("views", [New(b"more %d" % n, partition=n % 4) for n in range(40)])
    _, of_second = poll_until(first, second, done=lambda one, two: len(one) + len(two) == 40)
    assert {one.partition for one in of_second} == second.assignment()
    first.commit()
    second.commit()

    first.close()
    poll_until(second, done=lambda _: second.assignment() == {0, 1, 2, 3})
    client.send("views", [New(b"last", partition=n) for n in range(4)])
    (last,) = poll_until(second, done=lambda records: len(records) >= 4)
    assert [one.value for one in last] == [b"last"] * 4


def test_a_group_goes_on_from_what_it_committed(client, consumers):
    client.create_topic("views", 1)
    client.send("views", [New(b"%d" % n) for n in range(10)])
    first = client.consumer("views", "readers")
    consumers.append(first)
    poll_until(first, done=lambda records: len(records) == 10)
    first.commit()
    assert first.committed(0) == 10
    first.close()
    client.send("views", [New(b"new")])

    assert [(one.offset, one.value) for one in read(client, "views", 1, group="readers")] == [(10, b"new")]


def test_seeking(client, consumers):
    client.create_topic("views", 1)
    client.send("views", [New(b"%d" % n, timestamp_ms=1_700_000_000_000 + 1_000 * n) for n in range(20)])
    reader = client.consumer("views")
    consumers.append(reader)
    poll_until(reader, done=lambda records: len(records) == 20)

    reader.seek(0, 15)
    (again,) = poll_until(reader, done=lambda records: len(records) == 5)

    assert [one.offset for one in again] == [15, 16, 17, 18, 19]
    assert client.offsets("views", 0) == (0, 20)
    assert client.offset_for_time("views", 0, 1_700_000_006_500) == 7
    assert client.offset_for_time("views", 0, 1_800_000_000_000) is None


def test_transactions_are_all_or_nothing(client):
    client.create_topic("views", 2)
    transaction = client.transaction("writer")
    transaction.begin()
    transaction.send("views", [New(b"kept", partition=0), New(b"kept", partition=1)])
    transaction.commit()
    transaction.begin()
    transaction.send("views", [New(b"undone", partition=0), New(b"undone", partition=1)])
    transaction.abort()
    transaction.begin()
    transaction.send("views", [New(b"last", partition=0), New(b"last", partition=1)])
    transaction.commit()
    transaction.close()

    committed = read(client, "views", 4, committed_only=True)
    everything = read(client, "views", 6)

    assert sorted(one.value for one in committed) == [b"kept"] * 2 + [b"last"] * 2
    assert sorted(one.value for one in everything) == [b"kept"] * 2 + [b"last"] * 2 + [b"undone"] * 2


def test_input_is_committed_with_what_was_made_of_it(client, consumers):
    client.create_topic("in", 1)
    client.create_topic("out", 1)
    client.send("in", [New(b"%d" % n) for n in range(3)])
    reader = client.consumer("in", "copiers")
    consumers.append(reader)
    poll_until(reader, done=lambda records: len(records) == 3)
    transaction = client.transaction("copier")

    transaction.begin()
    transaction.send("out", [New(b"copied")])
    transaction.commit_input(reader, "in", {0: 2})
    transaction.abort()
    assert reader.committed(0) is None
    transaction.begin()
    transaction.send("out", [New(b"copied")])
    transaction.commit_input(reader, "in", {0: 3})
    transaction.commit()
    transaction.close()

    assert reader.committed(0) == 3
    assert [one.value for one in read(client, "out", 1, committed_only=True)] == [b"copied"]


def test_topics_are_made_changed_and_deleted(client):
    client.create_topic("views", 2, {"retention.ms": "60000"})
    assert client.topics() == {"views": 2}
    assert client.topic_config("views", "retention.ms") == "60000"

    client.alter_topic_config("views", "retention.ms", "120000")
    client.add_partitions("views", 5)
    assert client.topic_config("views", "retention.ms") == "120000"
    assert client.topics() == {"views": 5}

    client.delete_topic("views")
    assert client.topics() == {}


def test_records_are_deleted(client):
    client.create_topic("views", 1)
    client.send("views", [New(b"%d" % n) for n in range(10)])

    client.delete_records("views", 0, 4)

    assert client.offsets("views", 0) == (4, 10)
    assert [one.offset for one in read(client, "views", 6)] == [4, 5, 6, 7, 8, 9]


def test_groups_are_listed_and_described(client, consumers):
    client.create_topic("views", 1)
    client.send("views", [New(b"one")])
    reader = client.consumer("views", "readers")
    consumers.append(reader)
    poll_until(reader, done=lambda records: len(records) == 1)
    reader.commit()

    assert client.groups() == {"readers"}
    assert client.group_members("readers") == 1

    reader.close()
    assert client.group_members("readers") == 0
    if hasattr(client, "delete_group"):  # aiokafka has no request for it
        client.delete_group("readers")
        assert client.groups() == set()
