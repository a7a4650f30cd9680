"""The programs that aiokafka's documentation teaches, in our own words: only import and address differ.

Owns: one test for each of its examples that ``test_aiokafka_programs`` does not have.
Must not know: anything but ``streamz_core.aiokafka``.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamz_core.aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from streamz_core.aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from streamz_core.aiokafka.errors import CommitFailedError, KafkaError, OffsetOutOfRangeError
from streamz_core.aiokafka.helpers import create_ssl_context


@pytest.fixture(params=["file", "memory"])
def servers(request, tmp_path):
    return f"file://{tmp_path}/data" if request.param == "file" else f"memory://{tmp_path.name}"


async def make_topic(servers, name, partitions):
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


async def read(servers, topic, count, **settings):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest", **settings)
    await consumer.start()
    try:
        return [await asyncio.wait_for(consumer.getone(), 10) for _ in range(count)]
    finally:
        await consumer.stop()


async def test_producer_one_record(servers):
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        metadata = await producer.send_and_wait("my_topic", b"Super message")
    finally:
        await producer.stop()

    assert (metadata.topic, metadata.partition, metadata.offset) == ("my_topic", 0, 0)


async def test_consumer_of_several_topics(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait("my_topic", b"1", key=b"k", timestamp_ms=7, headers=[("h", b"v")])
        await producer.send_and_wait("my_other_topic", b"2")

    consumer = AIOKafkaConsumer(
        "my_topic",
        "my_other_topic",
        bootstrap_servers=servers,
        group_id="my-group",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    seen = {}
    try:
        async for message in consumer:
            seen[message.topic] = message
            if len(seen) == 2:
                break
    finally:
        await consumer.stop()

    first = seen["my_topic"]
    assert (first.partition, first.offset, first.key, first.value) == (0, 0, b"k", b"1")
    assert (first.timestamp, first.headers) == (7, (("h", b"v"),))
    assert (first.serialized_key_size, first.serialized_value_size) == (1, 1)
    assert seen["my_other_topic"].serialized_key_size == -1


async def test_idempotent_producer_sends_each_record_once(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True) as producer:
        places = [await producer.send_and_wait("test-topic", b"%d" % number) for number in range(5)]

    assert [place.offset for place in places] == [0, 1, 2, 3, 4]
    assert [record.value for record in await read(servers, "test-topic", 5)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_transactional_producer_that_fails_leaves_nothing(servers):
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="transactional_test")
    await producer.start()
    try:
        with pytest.raises(ValueError, match="changed my mind"):
            async with producer.transaction():
                await producer.send_and_wait("test-topic", b"never")
                raise ValueError("changed my mind")
        async with producer.transaction():
            await producer.send_and_wait("test-topic", b"committed")
        await producer.begin_transaction()
        await producer.send("test-topic", b"never either")
        await producer.abort_transaction()
    finally:
        await producer.stop()

    (record,) = await read(servers, "test-topic", 1, isolation_level="read_committed")
    assert record.value == b"committed"
    assert [r.value for r in await read(servers, "test-topic", 2)] == [b"never", b"committed"]


async def test_manual_commit_by_record_and_by_position(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number in range(20):
            await producer.send("foobar", b"%d" % number)

    async def ten():
        consumer = AIOKafkaConsumer(
            "foobar",
            bootstrap_servers=servers,
            group_id="some-consumer-group",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        values = [int((await consumer.getone()).value) for _ in range(10)]
        await consumer.getone()  # begun, not done
        await consumer.commit({TopicPartition("foobar", 0): (values[-1] + 1, "done with ten")})
        await consumer.stop()
        return values

    assert await ten() == list(range(10))

    consumer = AIOKafkaConsumer(
        "foobar", bootstrap_servers=servers, group_id="some-consumer-group", enable_auto_commit=False
    )
    async with consumer:
        assert await consumer.seek_to_committed() == {TopicPartition("foobar", 0): 10}
        assert int((await consumer.getone()).value) == 10
        await consumer.commit()
        assert await consumer.committed(TopicPartition("foobar", 0)) == 11


async def test_batches_of_random_partitions(servers):
    await make_topic(servers, "my_topic", 3)
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=500)
    await producer.start()
    batch, number, sent = producer.create_batch(), 0, 0
    while number < 100:
        if batch.append(key=None, value=b"Test message %d" % number, timestamp=None) is None:
            partitions = await producer.partitions_for("my_topic")
            await producer.send_batch(batch, "my_topic", partition=random.choice(tuple(partitions)))
            sent += batch.record_count()
            batch = producer.create_batch()
            continue
        number += 1
    batch.close()
    assert batch.append(key=None, value=b"too late", timestamp=None) is None
    await producer.send_batch(batch, "my_topic", partition=0)
    sent += batch.record_count()
    await producer.stop()

    assert sent == 100
    assert len({record.value for record in await read(servers, "my_topic", 100)}) == 100


async def test_custom_partitioner(servers):
    await make_topic(servers, "foobar", 10)
    asked = []

    def first_or_last(key, all_partitions, available_partitions):
        asked.append((key, all_partitions, sorted(available_partitions)))
        if key == b"first":
            return all_partitions[0]
        if key == b"last":
            return all_partitions[-1]
        return random.choice(all_partitions)

    async with AIOKafkaProducer(
        bootstrap_servers=servers, partitioner=first_or_last, key_serializer=str.encode
    ) as producer:
        places = [
            (await (await producer.send("foobar", b"1", key=key))).partition
            for key in ("last", "some", "first")
        ]

    assert (places[0], places[2]) == (9, 0)
    assert asked[0] == (b"last", list(range(10)), list(range(10)))


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd", None])
async def test_serialization_and_compression(tmp_path, compression):
    servers = f"memory://{tmp_path.name}"
    values = [{"a": 123.4, "b": "some string"}, [1, 2, 3, 4], None]
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        key_serializer=lambda key: key.encode(),
        value_serializer=lambda value: json.dumps(value).encode(),
        compression_type=compression,
        linger_ms=5,
    )
    await producer.start()
    for value in values:
        await producer.send("foobar", value, key="k")
    await producer.stop()

    consumer = AIOKafkaConsumer(
        "foobar",
        bootstrap_servers=servers,
        key_deserializer=bytes.decode,
        value_deserializer=json.loads,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    data = await consumer.getmany(timeout_ms=10_000)
    await consumer.stop()
    assert [(m.key, m.value) for messages in data.values() for m in messages] == [("k", v) for v in values]


async def test_two_members_share_and_another_group_reads_all(servers):
    await make_topic(servers, "some-topic", 2)

    async def join(group_id):
        consumer = AIOKafkaConsumer(
            "some-topic",
            bootstrap_servers=servers,
            group_id=group_id,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=20,
        )
        await consumer.start()
        return consumer

    async def take(consumer, count):
        records = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(count)]
        return {(record.partition, record.value) for record in records}

    one, two, other = await join("TEST_GROUP"), await join("TEST_GROUP"), await join("OTHER_GROUP")
    while len(one.assignment()) != 1 or len(two.assignment()) != 1:
        assert await one.getmany(timeout_ms=5) == {}
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number in range(4):
            await producer.send("some-topic", b"message #%d" % number, partition=number // 2)
    shares = await asyncio.gather(take(one, 2), take(two, 2))
    everything = await take(other, 4)
    for consumer in (one, two, other):
        await consumer.stop()

    assert shares[0] | shares[1] == everything
    assert [{partition for partition, _ in share} for share in shares] in ([{0}, {1}], [{1}, {0}])


class LocalState:
    """Counts kept by the program itself, with the offset they stand for, in files."""

    def __init__(self, directory):
        self._directory = directory
        self.counts: dict[TopicPartition, Counter] = {}
        self.offsets: dict[TopicPartition, int] = {}

    def _path(self, partition):
        return self._directory / f"state-{partition.topic}-{partition.partition}.json"

    def dump(self):
        for partition, counts in self.counts.items():
            state = {"last_offset": self.offsets[partition], "counts": dict(counts)}
            self._path(partition).write_text(json.dumps(state))

    def load(self, partitions):
        self.counts.clear()
        for partition in partitions:
            path = self._path(partition)
            state = json.loads(path.read_text()) if path.exists() else {"last_offset": -1, "counts": {}}
            self.counts[partition] = Counter(state["counts"])
            self.offsets[partition] = state["last_offset"]

    def add(self, partition, counts, last_offset):
        self.counts[partition] += counts
        self.offsets[partition] = last_offset

    def discard(self, partitions):
        for partition in partitions:
            self.counts[partition] = Counter()
            self.offsets[partition] = -1


class KeepState(ConsumerRebalanceListener):
    def __init__(self, consumer, state):
        self._consumer = consumer
        self._state = state

    async def on_partitions_revoked(self, revoked):
        self._state.dump()

    async def on_partitions_assigned(self, assigned):
        self._state.load(assigned)
        for partition in assigned:
            last_offset = self._state.offsets[partition]
            if last_offset < 0:
                await self._consumer.seek_to_beginning(partition)
            else:
                self._consumer.seek(partition, last_offset + 1)


async def test_local_state_and_its_offsets(servers, tmp_path):
    partition = TopicPartition("test", 0)

    async def count(records):
        """Count until so many are counted in all; start and stop as the example does."""
        state = LocalState(tmp_path)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id="my_group",
            enable_auto_commit=False,
            auto_offset_reset="none",
            key_deserializer=lambda key: key.decode() if key else "",
        )
        await consumer.start()
        consumer.subscribe(topics=["test"], listener=KeepState(consumer, state))
        try:
            while sum(sum(counts.values()) for counts in state.counts.values()) < records:
                try:
                    found = await consumer.getmany(timeout_ms=1_000)
                except OffsetOutOfRangeError as error:
                    stale = error.args[0].keys()
                    state.discard(stale)
                    await consumer.seek_to_beginning(*stale)
                    continue
                for source, messages in found.items():
                    state.add(source, Counter(m.key for m in messages), messages[-1].offset)
        finally:
            await consumer.stop()
            state.dump()
        return state.counts[partition]

    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number in range(30):
            await producer.send("test", b"v", key=b"ab"[number % 2 :][:1])
        await producer.flush()
        assert await count(30) == {"a": 15, "b": 15}
        for _ in range(5):
            await producer.send("test", b"v", key=b"a")
        await producer.flush()
        assert await count(35) == {"a": 20, "b": 15}
        # The records that the saved offset points at are deleted: the program begins anew.
        for _ in range(5):
            await producer.send("test", b"v", key=b"b")
        await producer.flush()
        async with AIOKafkaAdminClient(bootstrap_servers=servers) as admin:
            await admin.delete_records({partition: RecordsToDelete(38)})
        assert await count(2) == {"b": 2}


async def test_transactional_counts_by_minute(servers):
    def process(messages):
        buckets = defaultdict(Counter)
        for message in messages:
            buckets[message.key][message.timestamp // 60_000 * 60] += 1
        return [(key, b"%d" % n, at) for key, counts in buckets.items() for at, n in counts.items()]

    async with AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5) as producer:
        for number in range(12):
            await producer.send("in_topic", b"v", key=b"k", timestamp_ms=number * 30_000)

    consumer = AIOKafkaConsumer(
        "in_topic",
        bootstrap_servers=servers,
        enable_auto_commit=False,
        group_id="processing-group",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="my-txn-id")
    await producer.start()
    try:
        done = 0
        while done < 12:
            batch = await consumer.getmany(timeout_ms=5_000)
            async with producer.transaction():
                offsets, messages = {}, []
                for partition, found in batch.items():
                    messages.extend(found)
                    offsets[partition] = found[-1].offset + 1
                for key, value, at in process(messages):
                    await producer.send("out_topic", value=value, key=key, timestamp_ms=int(at * 1_000))
                await producer.send_offsets_to_transaction(offsets, "processing-group")
            done += len(messages)
        assert await consumer.committed(TopicPartition("in_topic", 0)) == 12
    finally:
        await consumer.stop()
        await producer.stop()

    records = await read(servers, "out_topic", 6, isolation_level="read_committed")
    assert [(record.timestamp, record.value) for record in records] == [(n * 60_000, b"2") for n in range(6)]


async def test_blocking_work_in_threads_with_commits_of_what_is_done(servers):
    def blocking(message):
        return int(message.value) ** 2

    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number in range(20):
            await producer.send("work", b"%d" % number)

    results = []
    with ThreadPoolExecutor(2) as pool:
        async with AIOKafkaConsumer(
            "work",
            bootstrap_servers=servers,
            group_id="workers",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=4,
        ) as consumer:
            while len(results) < 20:
                loop = asyncio.get_running_loop()
                for partition, messages in (await consumer.getmany(timeout_ms=1_000)).items():
                    assert len(messages) <= 4
                    results += await asyncio.gather(
                        *(loop.run_in_executor(pool, blocking, message) for message in messages)
                    )
                    await consumer.commit({partition: messages[-1].offset + 1})
            assert await consumer.committed(TopicPartition("work", 0)) == 20
    assert results == [number**2 for number in range(20)]


async def test_a_consumer_whose_partitions_moved_cannot_commit(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait("t", b"v")
    settings = {
        "bootstrap_servers": servers,
        "group_id": "g",
        "group_instance_id": "only-one",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
    }
    first = AIOKafkaConsumer("t", **settings)
    await first.start()
    record = await first.getone()
    async with AIOKafkaConsumer("t", **settings):
        with pytest.raises(CommitFailedError, match="t-0"):
            await first.commit({TopicPartition("t", 0): record.offset + 1})
    await first.stop(commit=False)


@pytest.mark.parametrize("client", [AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient])
async def test_ssl_is_refused_by_name_with_the_reason(servers, client):
    with pytest.raises(KafkaError, match=r"security_protocol='SSL'.*file permissions.*PLAINTEXT"):
        client(bootstrap_servers=servers, security_protocol="SSL", ssl_context=create_ssl_context())
