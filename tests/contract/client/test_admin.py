"""Owns: the admin client on the real broker. Must not know: the broker's insides."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import (
    ConfigResource,
    ConfigResourceType,
    NewPartitions,
    NewTopic,
    RecordsToDelete,
)
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import OffsetAndMetadata, TopicPartition

T = TopicPartition("t", 0)


@pytest.fixture
async def admin(address):
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        yield admin


async def test_topics(admin):
    answer = await admin.create_topics([NewTopic("new", 3, 1, topic_configs={"retention.ms": 1_000})])
    assert answer.topic_errors == [("new", 0, None)]
    again = await admin.create_topics([NewTopic("new", 3, 1)])
    assert again.topic_error_codes == [("new", 36)]
    with pytest.raises(errors.TopicAlreadyExistsError, match="'new'"):
        again.raise_for_errors()
    checked = await admin.create_topics([NewTopic("no/good", 1, 1)], validate_only=True)
    with pytest.raises(errors.InvalidTopicError):
        checked.raise_for_errors()

    assert set(await admin.list_topics()) >= {"new", "t", "four"}
    (described,) = await admin.describe_topics(["new"])
    assert [partition["partition"] for partition in described["partitions"]] == [0, 1, 2]
    await admin.create_partitions({"new": NewPartitions(5)})
    with pytest.raises(errors.InvalidPartitionsError):
        await admin.create_partitions({"new": NewPartitions(2)})
    assert len((await admin.describe_topics(["new"]))[0]["partitions"]) == 5
    (await admin.delete_topics(["new"])).raise_for_errors()
    assert "new" not in await admin.list_topics()
    with pytest.raises(errors.UnknownTopicOrPartitionError):
        (await admin.delete_topics(["new"])).raise_for_errors()


async def test_configs(admin):
    resource = ConfigResource("topic", "t", {"retention.ms": "5000"})
    assert resource.resource_type is ConfigResourceType.TOPIC
    (answer,) = await admin.incremental_alter_configs([resource])
    assert answer.resources[0][0] == 0

    (described,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "t")])
    values = {entry[0]: entry[1] for entry in described.resources[0][4]}
    assert values["retention.ms"] == "5000"
    (answer,) = await admin.alter_configs([ConfigResource("topic", "t", {"no.such.key": "1"})])
    assert answer.resources[0][0] == 40


async def test_groups_and_offsets(admin, producer, consumers, clock):
    await producer.send_and_wait("t", b"v")
    consumer = await consumers("t", group_id="g")
    await consumer.commit({T: 1})
    assert ("g", "consumer") in await admin.list_consumer_groups()
    (described,) = await admin.describe_consumer_groups(["g"])
    assert described.groups[0][2] == "Stable"
    assert len(described.groups[0][5]) == 1
    with pytest.raises(errors.NonEmptyGroup, match="'g'"):
        await admin.delete_consumer_groups(["g"])
    with pytest.raises(errors.CommitFailedError):
        await admin.alter_consumer_group_offsets("g", {T: 0})
    await clock.drive(consumer.stop())

    await admin.alter_consumer_group_offsets("g", {T: (0, "again")})
    assert await admin.list_consumer_group_offsets("g") == {T: OffsetAndMetadata(0, "again")}
    assert await admin.list_consumer_group_offsets("g", partitions=[TopicPartition("four", 1)]) == {
        TopicPartition("four", 1): OffsetAndMetadata(-1, "")
    }
    assert await admin.find_coordinator("g") == 0
    await admin.delete_consumer_groups(["g"])
    assert "g" not in dict(await admin.list_consumer_groups())


async def test_offsets_and_deleting_records(admin, producer):
    await asyncio.gather(*[await producer.send("t", b"%d" % n, timestamp_ms=n) for n in range(10)])

    assert (await admin.list_offsets({T: -1}))[T].offset == 10
    assert (await admin.list_offsets({T: 4}))[T].offset == 4
    assert await admin.delete_records({T: RecordsToDelete(6)}) == {T: 6}
    assert (await admin.list_offsets({T: -2}))[T].offset == 6
    with pytest.raises(errors.OffsetOutOfRangeError):
        await admin.delete_records({T: RecordsToDelete(99)})


async def test_the_cluster(admin):
    cluster = await admin.describe_cluster()

    assert cluster["cluster_id"]
    assert [broker["node_id"] for broker in cluster["brokers"]] == [0]


async def test_not_started_says_so():
    with pytest.raises(errors.IllegalStateError, match="start"):
        await AIOKafkaAdminClient(bootstrap_servers="memory://x").list_topics()


async def test_an_idempotent_producer_goes_on_in_a_topic_that_was_deleted_and_made_anew(address):
    async with (
        AIOKafkaAdminClient(bootstrap_servers=address) as admin,
        AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer,
    ):
        for _ in range(2):
            (await admin.create_topics([NewTopic("again", 1, 1)])).raise_for_errors()
            sent = [await producer.send("again", b"%d" % n) for n in range(5)]
            assert [(await one).offset for one in sent] == [0, 1, 2, 3, 4]
            (await admin.delete_topics(["again"])).raise_for_errors()
