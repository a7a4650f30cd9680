"""What administration tools ask of the cluster and its directories."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.configs import ConfigResourceType
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.describe_cluster import DescribeClusterRequest, EndpointType
from streamz_core.protocol.messages.describe_log_dirs import DescribableLogDirTopic, DescribeLogDirsRequest
from streamz_core.protocol.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsTopic,
)
from streamz_core.protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersTopic
from streamz_core.protocol.messages.list_config_resources import ListConfigResourcesRequest
from streamz_core.protocol.messages.metadata import MetadataRequest, named
from streamz_core.protocol.messages.partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)


async def test_the_one_broker_is_described(open_broker: Any) -> None:
    talk = await open_broker(advertised_host="here", advertised_port=9092)

    plain = await talk.broker.handle(DescribeClusterRequest())
    with_operations = await talk.broker.handle(
        DescribeClusterRequest(include_cluster_authorized_operations=True)
    )

    (broker,) = plain.brokers
    assert (broker.host, broker.port, broker.is_fenced) == ("here", 9092, False)
    assert plain.controller_id == broker.broker_id
    assert plain.cluster_id == talk.broker.cluster_id
    assert plain.cluster_authorized_operations == -(2**31)
    assert with_operations.cluster_authorized_operations == sum(1 << n for n in (5, 7, 8, 9, 10, 11, 12))


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (EndpointType.CONTROLLERS, ErrorCode.MISMATCHED_ENDPOINT_TYPE),
        (9, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE),
    ],
)
async def test_a_broker_has_no_controllers_to_name(talk: Any, kind: int, code: ErrorCode) -> None:
    answer = await talk.broker.handle(DescribeClusterRequest(endpoint_type=kind))

    assert (answer.error_code, answer.brokers) == (code, [])
    assert "endpoint type 1" in answer.error_message


async def test_metadata_tells_what_may_be_done_where_it_is_asked_for(talk: Any) -> None:
    asked = MetadataRequest(topics=named(["t"]), include_topic_authorized_operations=True)

    answer = await talk.broker.handle(asked)

    assert answer.topics[0].topic_authorized_operations == sum(1 << n for n in (3, 4, 5, 6, 7, 8, 10, 11))
    assert answer.cluster_authorized_operations == -(2**31)


async def test_partitions_are_described_with_their_bytes(talk: Any) -> None:
    batch = talk.batch(b"a" * 100)
    await talk.produce("t", b"a" * 100, partition=1)

    everything = (await talk.broker.handle(DescribeLogDirsRequest())).results
    topics = [
        DescribableLogDirTopic(topic="t", partitions=[9, 1]),
        DescribableLogDirTopic(topic="x", partitions=[0]),
    ]
    (some,) = (await talk.broker.handle(DescribeLogDirsRequest(topics=topics))).results

    assert [one.log_dir for one in everything] == ["/data"]
    assert everything[0].usable_bytes > 0
    sizes = {
        (topic.name, part.partition_index): part.partition_size
        for topic in everything[0].topics
        for part in topic.partitions
    }
    assert sizes == {("t", 0): 0, ("t", 1): len(batch)}
    assert [(topic.name, [p.partition_index for p in topic.partitions]) for topic in some.topics] == [
        ("t", [1])
    ]


async def described(talk: Any, *names: str, **options: Any) -> Any:
    topics = [DescribeTopicPartitionsTopic(name=name) for name in names]
    return await talk.broker.handle(DescribeTopicPartitionsRequest(topics=topics, **options))


async def test_topics_are_described_so_many_partitions_at_a_time(talk: Any) -> None:
    await talk.create("u", 3)

    first = await described(talk, response_partition_limit=3)
    second = await described(talk, response_partition_limit=3, cursor=first.next_cursor)

    assert [(t.name, [p.partition_index for p in t.partitions]) for t in first.topics] == [
        ("t", [0, 1]),
        ("u", [0]),
    ]
    assert first.next_cursor == Cursor(topic_name="u", partition_index=1)
    assert [(t.name, [p.partition_index for p in t.partitions]) for t in second.topics] == [("u", [1, 2])]
    assert second.next_cursor is None


async def test_topics_that_are_not_there_are_told_so(talk: Any) -> None:
    answer = await described(talk, "x", "t", "t", "a/b")

    assert [(topic.name, topic.error_code) for topic in answer.topics] == [
        ("a/b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        ("t", ErrorCode.NONE),
        ("x", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]


@pytest.mark.parametrize("limit", [-1, 0, 1, 2, 4, 5, 6, 100])
async def test_following_the_cursor_describes_every_partition_once(talk: Any, limit: int) -> None:
    await talk.create("u", 4)
    await talk.create("v", 1)
    seen: list[tuple[str, int]] = []
    cursor = None
    while True:
        answer = await described(talk, response_partition_limit=limit, cursor=cursor)
        found = [(t.name, p.partition_index) for t in answer.topics for p in t.partitions]
        assert len(found) <= max(limit, 1)
        seen += found
        cursor = answer.next_cursor
        if cursor is None:
            break

    assert seen == [(name, i) for name, count in (("t", 2), ("u", 4), ("v", 1)) for i in range(count)]


async def test_what_has_a_configuration_is_listed(talk: Any) -> None:
    everything = await talk.broker.handle(ListConfigResourcesRequest())
    topics = await talk.broker.handle(ListConfigResourcesRequest(resource_types=[ConfigResourceType.TOPIC]))
    metrics = await talk.broker.handle(
        ListConfigResourcesRequest(resource_types=[ConfigResourceType.CLIENT_METRICS])
    )
    unknown = await talk.broker.handle(ListConfigResourcesRequest(resource_types=[77]))

    assert [(one.resource_type.name, one.resource_name) for one in everything.config_resources] == [
        ("TOPIC", "t"),
        ("BROKER", "0"),
    ]
    assert [one.resource_name for one in topics.config_resources] == ["t"]
    assert (metrics.error_code, metrics.config_resources) == (ErrorCode.NONE, [])
    assert unknown.error_code is ErrorCode.UNSUPPORTED_VERSION


async def test_partitions_stay_on_the_one_broker(talk: Any) -> None:
    places: list[tuple[int, list[int] | None]] = [(0, [0]), (1, [1]), (0, None), (9, [0])]
    topics = [
        ReassignableTopic(
            name="t",
            partitions=[ReassignablePartition(partition_index=i, replicas=nodes) for i, nodes in places],
        )
    ]

    answer = await talk.broker.handle(AlterPartitionReassignmentsRequest(topics=topics))
    under_way = await talk.broker.handle(ListPartitionReassignmentsRequest())

    assert [one.error_code for one in answer.responses[0].partitions] == [
        ErrorCode.NONE,
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert (under_way.error_code, under_way.topics) == (ErrorCode.NONE, ())


async def test_no_election_is_needed(talk: Any) -> None:
    topics = [ElectLeadersTopic(topic="t", partitions=[0, 9])]

    named_ones = await talk.broker.handle(ElectLeadersRequest(topic_partitions=topics))
    everything = await talk.broker.handle(ElectLeadersRequest())
    nonsense = await talk.broker.handle(ElectLeadersRequest(election_type=5))

    assert [one.error_code for one in named_ones.replica_election_results[0].partition_result] == [
        ErrorCode.ELECTION_NOT_NEEDED,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert (everything.error_code, everything.replica_election_results) == (ErrorCode.NONE, [])
    assert nonsense.error_code is ErrorCode.INVALID_REQUEST


async def test_a_setting_without_a_value_is_refused(talk: Any) -> None:
    topic = CreatableTopic(name="x", configs={"retention.ms": None})

    answer = await talk.broker.handle(CreateTopicsRequest(topics=[topic]))

    assert answer.topics[0].error_code is ErrorCode.INVALID_CONFIG
    assert "retention.ms" in answer.topics[0].error_message
