from __future__ import annotations

import errno
from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsTopic,
)
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles

_INTERNAL = ("__consumer_offsets", "__transaction_state")


async def _described(talk: Any, *names: str, **options: Any) -> Any:
    return await talk.broker.handle(MetadataRequest(topics=named(names) or None, **options))


async def test_a_created_topic_is_described(talk: Any) -> None:
    created = await talk.create("views", 3)
    response = await _described(talk, "views")

    (topic,) = response.topics
    assert created.error_code is ErrorCode.NONE
    assert (created.num_partitions, created.replication_factor) == (3, 1)
    assert topic.topic_id == created.topic_id is not None
    assert [part.partition_index for part in topic.partitions] == [0, 1, 2]
    assert {part.leader_id for part in topic.partitions} == {response.controller_id}
    assert response.brokers[0].port == -1
    assert response.cluster_id == talk.broker.cluster_id


async def test_all_topics_are_described_by_name(talk: Any) -> None:
    await talk.create("b")
    await talk.create("a")
    talk.broker.ensure_internal_topic("__consumer_offsets", 1, {"cleanup.policy": "compact"})

    response = await _described(talk)

    ours = [topic for topic in response.topics if not topic.name.startswith("__transaction")]
    assert [topic.name for topic in ours] == ["__consumer_offsets", "a", "b", "t"]
    assert [topic.is_internal for topic in ours] == [True, False, False, False]


async def test_an_unknown_topic_is_created_where_both_sides_allow_it(open_broker: Any) -> None:
    talk = await open_broker(default_partitions=4)

    forbidden = await _described(talk, "new", allow_auto_topic_creation=False)
    created = await _described(talk, "new")

    assert forbidden.topics[0].error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert len(created.topics[0].partitions) == 4


async def test_the_broker_may_forbid_automatic_creation(open_broker: Any) -> None:
    talk = await open_broker(auto_create_topics=False)

    response = await _described(talk, "new")

    assert response.topics[0].error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert "new" not in talk.broker.directory.topics


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "a b", "a\x00", "ü", "x" * 250, "a\n", "..%2f"]
)
async def test_a_name_outside_the_rules_is_refused_everywhere(talk: Any, name: str) -> None:
    created = await talk.create(name)
    described = await _described(talk, name)

    assert created.error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert "allowed" in created.error_message
    assert described.topics[0].error_code is ErrorCode.INVALID_TOPIC_EXCEPTION


async def test_names_that_differ_by_dot_and_underscore_only_collide(talk: Any) -> None:
    assert (await talk.create("a.b")).error_code is ErrorCode.NONE

    collision = await talk.create("a_b")

    assert collision.error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert "a.b" in collision.error_message


async def test_a_topic_is_created_once(talk: Any) -> None:
    again = await talk.create("t")
    twice = await talk.broker.handle(
        CreateTopicsRequest(topics=[CreatableTopic(name="x"), CreatableTopic(name="x")])
    )

    assert again.error_code is ErrorCode.TOPIC_ALREADY_EXISTS
    assert [topic.error_code for topic in twice.topics] == [ErrorCode.INVALID_REQUEST] * 2
    assert "x" not in talk.broker.directory.topics


@pytest.mark.parametrize("count", [0, -2, 10_001])
async def test_partition_counts_outside_the_rules_are_refused(talk: Any, count: int) -> None:
    answer = await talk.create("x", count)

    assert answer.error_code is ErrorCode.INVALID_PARTITIONS
    assert str(count) in answer.error_message


@pytest.mark.parametrize(
    ("copies", "code"),
    [
        (0, "INVALID_REPLICATION_FACTOR"),
        (-2, "INVALID_REPLICATION_FACTOR"),
        (3, "INVALID_REPLICATION_FACTOR"),
        (1, "NONE"),
        (-1, "NONE"),
    ],
)
async def test_there_are_as_many_copies_as_brokers(talk: Any, copies: int, code: str) -> None:
    topic = CreatableTopic(name="x", num_partitions=1, replication_factor=copies)

    response = await talk.broker.handle(CreateTopicsRequest(topics=[topic]))

    assert response.topics[0].error_code is ErrorCode[code]
    if code == "NONE":
        assert response.topics[0].replication_factor == 1
    else:
        assert "x" not in talk.broker.directory.topics
        assert str(copies) in response.topics[0].error_message


@pytest.mark.parametrize(
    ("assignments", "partitions", "code"),
    [
        ({0: [0], 1: [0]}, -1, "NONE"),
        ({0: [0]}, 1, "INVALID_REQUEST"),
        ({0: [0], 2: [0]}, -1, "INVALID_REPLICA_ASSIGNMENT"),
        ({0: [1]}, -1, "INVALID_REPLICA_ASSIGNMENT"),
        ({0: [0, 1]}, -1, "INVALID_REPLICA_ASSIGNMENT"),
        ({0: []}, -1, "INVALID_REPLICA_ASSIGNMENT"),
    ],
)
async def test_partitions_lie_on_the_one_broker(
    talk: Any, assignments: dict[int, list[int]], partitions: int, code: str
) -> None:
    topic = CreatableTopic(name="x", num_partitions=partitions, assignments=assignments)

    (answer,) = (await talk.broker.handle(CreateTopicsRequest(topics=[topic]))).topics

    assert answer.error_code is ErrorCode[code]
    if code == "NONE":
        assert answer.num_partitions == len(assignments)


async def test_many_topics_are_created_with_a_few_syncs(talk: Any, files: Any, monkeypatch: Any) -> None:
    calls: list[str] = []
    sync_all, sync_dir = files.sync_all, files.sync_dir
    monkeypatch.setattr(files, "sync_all", lambda *given: (calls.append("all"), sync_all(*given)))
    monkeypatch.setattr(files, "sync_dir", lambda path: (calls.append(path), sync_dir(path)))
    names = [f"x{number}" for number in range(50)]

    request = CreateTopicsRequest(topics=[CreatableTopic(name=name, num_partitions=2) for name in names])
    answers = (await talk.broker.handle(request)).topics

    assert [answer.name for answer in answers] == names
    assert all(answer.error_code is ErrorCode.NONE and answer.topic_id for answer in answers)
    assert calls.count("all") == 1
    assert calls[-1] == "/data"  # the catalog, last
    assert calls.count("/data") == 1


async def test_a_refused_topic_keeps_no_other_from_being_created(talk: Any) -> None:
    wanted = ["a.b", "a_b", "t", "c"]

    request = CreateTopicsRequest(topics=[CreatableTopic(name=name) for name in wanted])
    answers = {topic.name: topic.error_code for topic in (await talk.broker.handle(request)).topics}

    assert answers == {
        "a.b": ErrorCode.NONE,
        "a_b": ErrorCode.INVALID_TOPIC_EXCEPTION,
        "t": ErrorCode.TOPIC_ALREADY_EXISTS,
        "c": ErrorCode.NONE,
    }


@pytest.mark.parametrize("configs", [{"no.such": "1"}, {"retention.ms": "soon"}])
async def test_settings_outside_the_rules_are_refused(talk: Any, configs: dict[str, str]) -> None:
    topic = CreatableTopic(name="x", configs=configs)

    response = await talk.broker.handle(CreateTopicsRequest(topics=[topic]))

    assert response.topics[0].error_code is ErrorCode.INVALID_CONFIG
    assert next(iter(configs)) in response.topics[0].error_message
    assert "x" not in talk.broker.directory.topics


async def test_validate_only_creates_nothing(talk: Any) -> None:
    request = CreateTopicsRequest(topics=[CreatableTopic(name="x")], validate_only=True)

    response = await talk.broker.handle(request)

    assert response.topics[0].error_code is ErrorCode.NONE
    assert "x" not in talk.broker.directory.topics


@pytest.mark.parametrize("internal", _INTERNAL)
async def test_the_brokers_own_topics_are_out_of_reach(talk: Any, internal: str) -> None:
    talk.broker.ensure_internal_topic(internal, 1, {"cleanup.policy": "compact"})

    created = await talk.create(internal)
    deleted = await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name=internal)]))
    grown = await talk.broker.handle(
        CreatePartitionsRequest(topics=[CreatePartitionsTopic(name=internal, count=5)])
    )

    assert created.error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert deleted.responses[0].error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert grown.results[0].error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    assert talk.broker.directory.topics[internal].partitions == 1


async def test_a_deleted_topic_is_gone_with_its_records(talk: Any) -> None:
    gone = []
    talk.broker.deletion_listeners.append(gone.append)
    await talk.produce("t", b"a")

    response = await talk.broker.handle(
        DeleteTopicsRequest(topics=[DeleteTopicState(name="t"), DeleteTopicState(name="nowhere")])
    )
    await talk.create("t")

    assert [one.error_code for one in response.responses] == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert gone == ["t"]
    assert await talk.values("t") == []


async def test_partitions_are_added_and_never_taken_away(talk: Any) -> None:
    async def grow(count: int, name: str = "t", **options: Any) -> ErrorCode:
        request = CreatePartitionsRequest(topics=[CreatePartitionsTopic(name=name, count=count)], **options)
        return (await talk.broker.handle(request)).results[0].error_code

    await talk.produce("t", b"a")

    assert await grow(4, validate_only=True) is ErrorCode.NONE
    assert talk.broker.directory.topics["t"].partitions == 2
    assert await grow(4) is ErrorCode.NONE
    assert (await talk.produce("t", b"b", partition=3)).error_code is ErrorCode.NONE
    assert await grow(4) is ErrorCode.INVALID_PARTITIONS
    assert await grow(1) is ErrorCode.INVALID_PARTITIONS
    assert await grow(10_001) is ErrorCode.INVALID_PARTITIONS
    assert await grow(4, "nowhere") is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert await talk.values("t") == [b"a"]


async def test_topics_survive_reopening(talk: Any, open_broker: Any) -> None:
    created = await talk.create("views", 3)
    await talk.broker.close()

    again = await open_broker()

    entry = again.broker.directory.topics["views"]
    assert (entry.partitions, entry.topic_id) == (3, created.topic_id)


async def test_a_full_disk_is_named_and_nothing_is_half_created(open_broker: Any, files: Any) -> None:
    full = next(fault for fault in FAULTS if fault.errno == errno.ENOSPC)
    faulty = FaultyFiles(files, full, at_call=0)
    talk = await open_broker(files=faulty)
    faulty._at_call, faulty._persistent = faulty.calls + 1, True

    failed = await talk.create("x")
    described = await _described(talk, "y")
    faulty.heal()
    healed = await talk.create("x")

    assert failed.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert described.topics[0].error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert "space" in failed.error_message.lower()
    assert healed.error_code is ErrorCode.NONE


@pytest.mark.parametrize(
    ("assignments", "code"),
    [
        (None, "NONE"),
        ([[0]], "NONE"),
        ([[0], [0]], "INVALID_REPLICA_ASSIGNMENT"),
        ([[1]], "INVALID_REPLICA_ASSIGNMENT"),
    ],
)
async def test_new_partitions_lie_on_the_one_broker(talk: Any, assignments: Any, code: str) -> None:
    wanted = CreatePartitionsTopic(name="t", count=3, assignments=assignments)

    (answer,) = (await talk.broker.handle(CreatePartitionsRequest(topics=[wanted]))).results

    assert answer.error_code is ErrorCode[code]
