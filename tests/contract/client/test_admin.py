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
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import OffsetAndMetadata, TopicPartition
from streamz_core.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest

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
    with pytest.raises(errors.GroupSubscribedToTopicError, match=r"'g'.*'t' partition 0.*stop them"):
        await admin.delete_consumer_group_offsets("g", [T])
    await admin.delete_consumer_group_offsets("g", [TopicPartition("four", 0)])  # nobody reads it
    await clock.drive(consumer.stop())

    await admin.alter_consumer_group_offsets("g", {T: (0, "again")})
    assert await admin.list_consumer_group_offsets("g") == {T: OffsetAndMetadata(0, "again")}
    assert await admin.list_consumer_group_offsets("g", partitions=[TopicPartition("four", 1)]) == {
        TopicPartition("four", 1): OffsetAndMetadata(-1, "")
    }
    await admin.delete_consumer_group_offsets("g", [T, TopicPartition("four", 1)])
    assert await admin.list_consumer_group_offsets("g") == {}
    assert await admin.find_coordinator("g") == await admin.find_coordinator("x", 1) == 0
    await admin.delete_consumer_groups(["g"])
    assert "g" not in dict(await admin.list_consumer_groups())


async def test_members_are_removed_by_instance_or_all_of_them(admin, consumers, clock):
    tills = [
        await consumers("t", group_id="g", group_instance_id=name) for name in ("till-1", "till-2", "till-3")
    ]
    for consumer in tills:
        await clock.drive(consumer.stop())  # a static member stays in its group

    removed = await admin.remove_members("g", ["till-2", "nobody"])

    assert removed.members == [("", "till-2", 0), ("", "nobody", 25)]
    with pytest.raises(errors.UnknownMemberIdError, match=r"'g': instance 'nobody'"):
        removed.raise_for_errors()
    assert len((await admin.describe_consumer_groups(["g"]))[0].groups[0].members) == 2
    everybody = await admin.remove_members("g")
    everybody.raise_for_errors()
    assert {member.group_instance_id for member in everybody.members} == {"till-1", "till-3"}
    assert (await admin.describe_consumer_groups(["g"]))[0].groups[0].state == "Empty"
    assert everybody.to_object()["members"][0]["error_code"] == 0
    assert (await admin.remove_members("g")).members == [], "there is nobody left"
    await admin.delete_consumer_groups(["g"])


async def test_a_member_that_is_no_instance_is_removed_with_all(admin, consumers):
    consumer = await consumers("t", group_id="g")
    (before,) = (await admin.describe_consumer_groups(["g"]))[0].groups[0].members

    removed = await admin.remove_members("g")

    assert removed.members == [(before.member_id, None, 0)]
    with pytest.raises(errors.CommitFailedError):
        await consumer.commit({T: 0})


async def test_members_of_the_consumer_protocol_are_removed_by_instance(admin, log):
    link = await open_link(log)
    joining = {"group_id": "new", "member_epoch": 0, "rebalance_timeout_ms": 5_000}
    for member_id, instance in (("static", "till-1"), ("moving", None)):
        await link.send(
            ConsumerGroupHeartbeatRequest(
                member_id=member_id,
                instance_id=instance,
                subscribed_topic_names=["t"],
                topic_partitions=[],
                **joining,
            )
        )
    removed = await admin.remove_members("new")

    assert sorted(removed.members) == [("", "till-1", 0), ("moving", None, 25)]
    await link.close()


async def test_removing_members_of_nothing_is_refused(admin):
    with pytest.raises(errors.GroupIdNotFound, match="'nobody'"):
        await admin.remove_members("nobody")
    with pytest.raises(errors.IllegalArgumentError, match="None for all"):
        await admin.remove_members("g", [])
    with pytest.raises(errors.IllegalArgumentError, match="must be a list"):
        await admin.remove_members("g", "till-1")


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


async def test_answers_are_taken_apart_as_aiokafkas(admin, consumers):
    created = await admin.create_topics([NewTopic("new", 1, 1)])
    ((topic, error_code, error_message),) = created.topic_errors
    assert (topic, error_code, error_message) == ("new", 0, None)
    assert created.to_object() == {
        "throttle_time_ms": 0,
        "topic_errors": [{"topic": "new", "error_code": 0, "error_message": None}],
    }
    deleted = await admin.delete_topics(["new", "nope"])
    assert deleted.topic_error_codes == [("new", 0), ("nope", 3)]
    assert deleted.to_object()["topic_error_codes"][1] == {"topic": "nope", "error_code": 3}

    await consumers("t", group_id="g", client_id="me")
    (answer,) = await admin.describe_consumer_groups(["g", "nobody"])
    (error_code, group, state, protocol_type, protocol, members, operations), nobody = answer.groups
    assert (error_code, group, state, protocol_type) == (0, "g", "Stable", "consumer")
    assert (protocol, operations, nobody.state) == ("roundrobin", -(2**31), "Dead")
    ((member_id, client_id, _, metadata, assignment),) = members
    assert member_id.startswith("me-")
    assert (client_id, b"t" in metadata, b"t" in assignment) == ("me", True, True)
    assert answer.to_object()["groups"][0]["members"][0]["client_id"] == "me"
    (asked,) = await admin.describe_consumer_groups(["g"], include_authorized_operations=True)
    assert asked.groups[0].authorized_operations == sum(1 << bit for bit in (3, 6, 8, 10, 11))
    assert await admin.describe_consumer_groups([]) == []


async def test_configs_of_topics_and_brokers_are_answered_apart(admin):
    topics = [ConfigResource("topic", name, ["retention.ms"]) for name in ("t", "four")]
    broker = ConfigResource(ConfigResourceType.BROKER, 0)

    of_broker, of_topics = await admin.describe_configs([topics[0], broker, topics[1]])

    error_code, error_message, resource_type, resource_name, *_ = of_broker.resources[0]
    assert (error_code, error_message, resource_type, resource_name) == (0, None, 4, "0")
    assert [resource.resource_name for resource in of_topics.resources] == ["t", "four"]
    for resource in of_topics.resources:
        ((name, value, *_),) = resource.config_entries
        assert (name, int(value)) == ("retention.ms", 7 * 24 * 3_600_000)
    (with_synonyms,) = await admin.describe_configs([topics[0]], include_synonyms=True)
    ((*_, synonyms),) = with_synonyms.resources[0].config_entries
    assert [(name, source) for name, _, source in synonyms] == [("log.retention.ms", 5)]
    answers = await admin.alter_configs([ConfigResource("topic", "t", {"cleanup.policy": "compact"})])
    answers[0].raise_for_errors()
    (wrong,) = await admin.incremental_alter_configs([ConfigResource("topic", "t", {"no.such.key": "1"})])
    with pytest.raises(errors.InvalidConfigurationError, match=r"no\.such\.key"):
        wrong.raise_for_errors()
    with pytest.raises(errors.IllegalArgumentError, match="'topic' or 'broker'"):
        ConfigResource("table", "t")


async def test_replicas_are_on_the_one_node_or_refused(admin):
    assigned = NewTopic("by-hand", -1, -1, replica_assignments={0: [0], 1: [0]})
    (await admin.create_topics([assigned, NewTopic("default", -1, -1)])).raise_for_errors()
    await admin.create_partitions({"by-hand": NewPartitions(3, new_assignments=[[0]])})
    described = await admin.describe_topics(["by-hand", "default"])
    assert [len(topic["partitions"]) for topic in described] == [3, 1]
    assert {tuple(p["replicas"]) for topic in described for p in topic["partitions"]} == {(0,)}

    for assignments, reason in (
        ({0: [0, 1]}, "one copy"),
        ({0: [1]}, r"no such node, the nodes are \[0\]"),
        ({1: [0]}, r"partitions 0, 1"),
    ):
        with pytest.raises(errors.IllegalArgumentError, match=reason):
            await admin.create_topics([NewTopic("x", -1, -1, replica_assignments=assignments)])
    with pytest.raises(errors.IllegalArgumentError, match="no such node"):
        await admin.create_partitions({"t": NewPartitions(2, new_assignments=[[3]])})
    with pytest.raises(errors.IllegalArgumentError, match="in place of"):
        NewTopic("x", 1, 1, replica_assignments={0: [0]})
    assert "x" not in await admin.list_topics()


async def test_nodes_that_are_not_there_are_refused(admin):
    for call in (
        admin.describe_consumer_groups(["g"], 7),
        admin.list_consumer_group_offsets("g", 7),
        admin.list_consumer_groups([0, 7]),
    ):
        with pytest.raises(
            errors.IllegalArgumentError, match=r"7: there is no such node, the nodes are \[0\]"
        ):
            await call
    with pytest.raises(errors.IllegalArgumentError, match="coordinator_type=5"):
        await admin.find_coordinator("g", 5)
    with pytest.raises(ValueError, match="isolation_level"):
        await admin.list_offsets({T: -1}, "serializable")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda admin: admin.delete_topics("t"), "topics='t': must be a list"),
        (lambda admin: admin.delete_topics(["t", 5]), r"topics\[1\]=5: must be text"),
        (lambda admin: admin.describe_topics("t"), "topics='t': must be a list"),
        (lambda admin: admin.create_topics(NewTopic("x", 1, 1)), "new_topics=.*must be a list, of NewTopic"),
        (
            lambda admin: admin.create_partitions({"t": 5}),
            r"topic_partitions\['t'\]=5: must be NewPartitions",
        ),
        (lambda admin: admin.delete_consumer_groups("g"), "group_ids='g': must be a list"),
        (lambda admin: admin.describe_consumer_groups("g"), "group_ids='g': must be a list"),
        (lambda admin: admin.find_coordinator(5), "group_id=5: must be text"),
        (lambda admin: admin.list_consumer_group_offsets(None), "group_id=None: must be text"),
        (
            lambda admin: admin.list_consumer_group_offsets("g", partitions=["t"]),
            "'t' is not a TopicPartition",
        ),
        (lambda admin: admin.alter_consumer_group_offsets(5, {T: 0}), "group_id=5"),
        (lambda admin: admin.list_offsets({T: "x"}), "timestamps.*'x': must be a whole number"),
        (lambda admin: admin.list_offsets({"t": 0}), "timestamps: the key='t': must be TopicPartition"),
        (lambda admin: admin.delete_records({T: 5}), "records_to_delete.*=5: must be RecordsToDelete"),
        (lambda admin: admin.describe_configs("t"), "config_resources='t': must be a list"),
        (
            lambda admin: admin.alter_configs([ConfigResource("topic", "t", ["a"])]),
            "configs of 't'.*must be a dictionary",
        ),
    ],
)
async def test_arguments_of_another_type_are_refused(admin, call, text):
    with pytest.raises(TypeError, match=text):
        await call(admin)

    assert "t" in await admin.list_topics()


@pytest.mark.parametrize(
    "make",
    [
        lambda: NewTopic(5, 1, 1),
        lambda: NewTopic("x", "1", 1),
        lambda: NewTopic("x", 1, True),
        lambda: NewTopic("x", 1, 1, topic_configs=["a"]),
        lambda: NewPartitions("2"),
        lambda: RecordsToDelete(None),
    ],
)
def test_what_is_asked_about_has_its_types(make):
    with pytest.raises(TypeError, match="must be"):
        make()


async def test_values_of_configs_are_written_as_kafka_writes_them(admin):
    configs = {"preallocate": False, "retention.ms": 5_000, "min.cleanable.dirty.ratio": 0.25}
    (await admin.create_topics([NewTopic("x", 1, 1, topic_configs=configs)])).raise_for_errors()
    (described,) = await admin.describe_configs([ConfigResource("topic", "x", configs)])

    values = {entry.config_names: entry.config_value for entry in described.resources[0].config_entries}
    assert values == {"preallocate": "false", "retention.ms": "5000", "min.cleanable.dirty.ratio": "0.25"}


async def test_a_config_without_a_value_is_refused_by_its_name(admin):
    (refused,) = (
        await admin.create_topics([NewTopic("x", 1, 1, topic_configs={"retention.bytes": None})])
    ).topic_errors

    assert refused.error_code == errors.InvalidConfigurationError.errno
    assert refused.error_message == (
        "topic 'x': retention.bytes without a value (null, None): leave out what shall have its default"
    )


async def test_errors_name_the_thing_and_the_remedy(admin):
    nowhere = TopicPartition("t", 9)
    for call, error, text in (
        (admin.delete_consumer_groups(["nobody"]), errors.GroupIdNotFound, r"'nobody'.*list_consumer_groups"),
        (admin.delete_consumer_group_offsets("nobody", [T]), errors.GroupIdNotFound, "'nobody'"),
        (admin.list_offsets({nowhere: -1}), errors.UnknownTopicOrPartitionError, r"t-9.*create it"),
        (
            admin.delete_records({nowhere: RecordsToDelete(3)}),
            errors.UnknownTopicOrPartitionError,
            r"'t' partition 9 before offset 3",
        ),
        (admin.delete_records({T: RecordsToDelete(3)}), errors.OffsetOutOfRangeError, r"list_offsets\(\)"),
        (
            admin.alter_consumer_group_offsets("g", {nowhere: 1}),
            errors.UnknownTopicOrPartitionError,
            r"'g'.*t-9",
        ),
    ):
        with pytest.raises(error, match=text):
            await call


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
