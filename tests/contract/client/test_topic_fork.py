"""Owns: forking a topic in the broker's process and over a socket. Must not know: how it is copied."""

from __future__ import annotations

import pytest

from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.topic_fork import ForkedPartition, ForkRefused, fork_topic
from streamz_core.model import TopicPartition


async def test_a_fork_has_what_was_there(address, clock, consumers):
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for n in range(40):
            await producer.send("four", b"%d" % n, b"k", n % 4, n, [("h", b"%d" % n)])

    fork = await clock.drive(fork_topic(address, "four", "copy", at=20))

    assert fork.partitions == tuple(ForkedPartition(index, 0, 5, 5) for index in range(4))
    reader = await consumers("copy")
    found = []
    while len(found) < 20:
        for records in (await clock.drive(reader.getmany(timeout_ms=100))).values():
            found += records
    assert sorted((r.timestamp, r.partition, r.offset, r.key, r.value, r.headers) for r in found) == [
        (n, n % 4, n // 4, b"k", b"%d" % n, (("h", b"%d" % n),)) for n in range(20)
    ]
    ends = await clock.drive(reader.end_offsets([TopicPartition("copy", index) for index in range(4)]))
    assert set(ends.values()) == {5}


async def test_a_name_that_is_taken(address):
    with pytest.raises(ForkRefused, match="'t' exists already"):
        await fork_topic(address, "four", "t")
    with pytest.raises(ForkRefused, match=r"at=-1: must be ms"):
        await fork_topic(address, "four", "copy", at=-1)
