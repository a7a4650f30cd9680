"""Programs as they are written for aiokafka: only the import and the address differ.

Owns: whole small programs, on a real directory and by the real clock.
Must not know: anything but ``streamz_core.aiokafka``.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from streamz_core.aiokafka import (
    AIOKafkaClient,
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from streamz_core.aiokafka.admin import AIOKafkaAdminClient, NewTopic
from streamz_core.aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAlreadyExistsError


@pytest.fixture(params=["file", "memory"])
def servers(request, tmp_path):
    return f"file://{tmp_path}/data" if request.param == "file" else f"memory://{tmp_path.name}"


async def test_produce_and_consume_json(servers):
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        value_serializer=lambda value: json.dumps(value).encode(),
        compression_type="gzip",
    )
    await producer.start()
    try:
        for number in range(20):
            await producer.send("orders", {"id": number}, key=b"customer-%d" % (number % 3))
        metadata = await producer.send_and_wait("orders", {"id": 20})
        assert metadata.topic == "orders"
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send("orders", "x" * 2_000_000)
    finally:
        await producer.stop()

    consumer = AIOKafkaConsumer(
        "orders", bootstrap_servers=servers, value_deserializer=json.loads, auto_offset_reset="earliest"
    )
    await consumer.start()
    ids = []
    try:
        async for message in consumer:
            ids.append(message.value["id"])
            if len(ids) == 21:
                break
    finally:
        await consumer.stop()
    assert ids == list(range(21))


async def test_a_group_goes_on_where_it_stopped(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await asyncio.gather(*[await producer.send("t", b"%d" % number) for number in range(10)])

    seen = []
    for _ in range(2):
        async with AIOKafkaConsumer(
            "t", bootstrap_servers=servers, group_id="workers", auto_offset_reset="earliest"
        ) as consumer:
            seen += [(await consumer.getone()).value for _ in range(5)]
    assert seen == [b"%d" % number for number in range(10)]


async def test_batches_with_manual_commits_and_a_listener(servers):
    revoked = []

    class Commit(ConsumerRebalanceListener):
        async def on_partitions_revoked(self, revoked_now):
            revoked.append(revoked_now)

        async def on_partitions_assigned(self, assigned):
            pass

    async with AIOKafkaProducer(bootstrap_servers=servers, linger_ms=1) as producer:
        for number in range(100):
            await producer.send("t", b"%d" % number, timestamp_ms=1_000 + number)
        await producer.flush()

    partition = TopicPartition("t", 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, group_id="g", enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.subscribe(topics=["t"], listener=Commit())
    async with consumer:
        count = 0
        while count < 60:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=20)
            for tp, messages in batches.items():
                count += len(messages)
                await consumer.commit({tp: messages[-1].offset + 1})
        assert await consumer.committed(partition) == 60
        found = await consumer.offsets_for_times({partition: 1_010})
        consumer.seek(partition, found[partition].offset)
        assert (await consumer.getone()).value == b"10"
        await consumer.seek_to_end(partition)
        assert await consumer.position(partition) == 100
        assert await consumer.end_offsets([partition]) == {partition: 100}


async def test_copying_in_transactions(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number in range(30):
            await producer.send("in", b"%d" % number)

    consumer = AIOKafkaConsumer(
        "in",
        bootstrap_servers=servers,
        group_id="copy",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    copier = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="copy-1")
    async with consumer, copier:
        copied = 0
        while copied < 30:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=7)
            async with copier.transaction():
                offsets = {}
                for tp, messages in batches.items():
                    for message in messages:
                        await copier.send("out", message.value.upper())
                        copied += 1
                    offsets[tp] = messages[-1].offset + 1
                await copier.send_offsets_to_transaction(offsets, "copy")

    async with AIOKafkaConsumer(
        "out", bootstrap_servers=servers, auto_offset_reset="earliest", isolation_level="read_committed"
    ) as reader:
        values = [(await reader.getone()).value for _ in range(30)]
    assert values == [b"%d" % number for number in range(30)]


async def test_batches_made_by_hand_and_a_partitioner_of_ones_own(servers):
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic("t", 4, 1)])
    await admin.close()

    def by_first_byte(key, partitions, available):
        return partitions[key[0] % len(partitions)] if key else available[0]

    async with AIOKafkaProducer(
        bootstrap_servers=servers, max_batch_size=1_000, partitioner=by_first_byte
    ) as producer:
        assert (await producer.send_and_wait("t", b"v", key=b"\x07")).partition == 3
        batch, number, outcomes = producer.create_batch(), 0, []
        while number < 100:
            if batch.append(key=None, value=b"message %d" % number, timestamp=None) is not None:
                number += 1
                continue
            outcomes.append(await producer.send_batch(batch, "t", partition=1))
            batch = producer.create_batch()
        outcomes.append(await producer.send_batch(batch, "t", partition=1))
        done, pending = await asyncio.wait(outcomes, timeout=10)
        assert not pending
        assert len(done) == len(outcomes) > 1

    partition = TopicPartition("t", 1)
    async with AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([partition])
        values = [(await consumer.getone(partition)).value for _ in range(100)]
    assert values == [b"message %d" % number for number in range(100)]


async def test_positions_kept_by_the_program_and_moved_by_a_rebalance(servers):
    positions: dict[TopicPartition, int] = {}
    seen = []

    class KeepsPositions(ConsumerRebalanceListener):
        def __init__(self, consumer):
            self.consumer = consumer

        async def on_partitions_revoked(self, revoked):
            pass

        async def on_partitions_assigned(self, assigned):
            for partition in assigned:
                self.consumer.seek(partition, positions.get(partition, 0))

    async def member():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id="g",
            enable_auto_commit=False,
            auto_offset_reset="none",
            heartbeat_interval_ms=20,
        )
        consumer.subscribe(["four"], listener=KeepsPositions(consumer))
        await consumer.start()
        return consumer

    async def read(consumer):
        for partition, records in (await consumer.getmany(timeout_ms=20)).items():
            seen.extend(record.value for record in records)
            positions[partition] = records[-1].offset + 1

    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic("four", 4, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        first = await member()
        for number in range(40):
            await producer.send("four", b"%d" % number, partition=number % 4)
        while len(seen) < 40:
            await read(first)
        second = await member()
        while len(first.assignment()) != 2 or len(second.assignment()) != 2:
            await read(first)
            await read(second)
        for number in range(40, 80):
            await producer.send("four", b"%d" % number, partition=number % 4)
        while len(seen) < 80:
            await read(first)
            await read(second)
        await first.stop()
        await second.stop()

    assert sorted(seen, key=int) == [b"%d" % number for number in range(80)]


async def test_a_pattern_finds_topics_made_later_and_a_given_up_wait_loses_nothing(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait("logs-a", b"a")
        await producer.send_and_wait("other", b"x")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id="g",
            auto_offset_reset="earliest",
            metadata_max_age_ms=50,
            heartbeat_interval_ms=20,
        )
        consumer.subscribe(pattern="^logs-.*")
        async with consumer:
            assert (await consumer.getone()).value == b"a"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(consumer.getone(), 0.05)
            await producer.send_and_wait("logs-b", b"b")
            assert (await asyncio.wait_for(consumer.getone(), 10)).value == b"b"


async def test_topics_by_the_admin_client(servers):
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name="views", num_partitions=2, replication_factor=1)])
        answer = await admin.create_topics([NewTopic("views", 2, 1)])
        with pytest.raises(TopicAlreadyExistsError):
            answer.raise_for_errors()
        assert "views" in await admin.list_topics()
    finally:
        await admin.close()


async def test_the_bare_client(servers):
    client = AIOKafkaClient(bootstrap_servers=servers)
    with pytest.raises(KafkaError, match="bootstrap"):
        await client.fetch_all_metadata()
    await client.bootstrap()
    await client.add_topic("t")
    assert client.cluster.partitions_for_topic("t") == {0}
    assert await client.ready(client.get_random_node())
    assert client.hosts == []
    await client.close()


async def test_a_listener_that_skips_the_backlog_and_commits(servers):
    class FromNowOn(ConsumerRebalanceListener):
        def __init__(self, consumer):
            self.consumer = consumer

        async def on_partitions_revoked(self, revoked):
            await self.consumer.commit()

        async def on_partitions_assigned(self, assigned):
            ends = await self.consumer.end_offsets(list(self.consumer.assignment()))
            for partition, offset in ends.items():
                self.consumer.seek(partition, offset)
            await self.consumer.commit(ends)

    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait("klines", b"old")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers, group_id="g", enable_auto_commit=False, auto_offset_reset="earliest"
        )
        consumer.subscribe(["klines"], listener=FromNowOn(consumer))
        await consumer.start()
        assert await consumer.committed(TopicPartition("klines", 0)) == 1
        await producer.send_and_wait("klines", b"new")
        assert (await consumer.getone()).value == b"new"
        await consumer.stop()


async def test_a_health_check_over_the_clients(servers):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait("orders", b"v")
        metadata = await producer.client.fetch_all_metadata()
        assert "orders" in metadata.topics()
        assert len(producer.client.cluster.brokers()) == 1
        admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=15_000)
        await admin.start()
        try:
            assert len((await admin.describe_cluster())["brokers"]) == 1
            by_name = {topic["topic"]: topic for topic in await admin.describe_topics(("orders", "missing"))}
        finally:
            await admin.close()

    assert by_name["missing"]["error_code"]
    assert [partition["partition"] for partition in by_name["orders"]["partitions"]] == [0]
