"""Owns: the link to a cluster: who is asked what, and what happens when a broker is gone or is not the right one."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.tcp.endpoint import Endpoint
from streamz_core.client.tcp.link_settings import LinkSettings
from streamz_core.client.tcp.versions import SEVERAL_BATCHES
from streamz_core.errors import ErrorCode
from streamz_core.protocol.batch_encoder import raw_records
from streamz_core.protocol.encoded_batches import EncodedBatches
from streamz_core.protocol.messages.api_versions import ApiVersionsResponse, SupportedFeature
from streamz_core.protocol.messages.configs import (
    ConfigResourceType,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from streamz_core.protocol.messages.create_topics import CreateTopicsRequest, CreateTopicsResponse
from streamz_core.protocol.messages.describe_groups import (
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
)
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    FetchTopicResponse,
)
from streamz_core.protocol.messages.find_coordinator import (
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse
from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
    ListOffsetsTopicResponse,
)
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from streamz_core.protocol.record_batch import split
from tests.unit.client.tcp.scripted_broker import Hang


def produce(partitions, records=b"", **changes):
    parts = [PartitionProduceData(index=index, records=records) for index in partitions]
    return ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=parts)], **changes)


def produced(request, code=ErrorCode.NONE, base_offset=7):
    return ProduceResponse(
        responses=[
            TopicProduceResponse(
                name=topic.name,
                partition_responses=[
                    PartitionProduceResponse(index=part.index, error_code=code, base_offset=base_offset)
                    for part in topic.partition_data
                ],
            )
            for topic in request.topic_data
        ]
    )


def coordinated_by(node):
    def answer(request):
        (key,) = request.coordinator_keys
        found = Coordinator(key=key, node_id=node.node_id, host="127.0.0.1", port=node.port)
        return FindCoordinatorResponse(coordinators=[found])

    return answer


def list_offsets(*partitions):
    parts = [ListOffsetsPartition(partition_index=index, timestamp=-1) for index in partitions]
    return ListOffsetsRequest(topics=[ListOffsetsTopic(name="t", partitions=parts)])


def offsets_of(node):
    def answer(request):
        return ListOffsetsResponse(
            topics=[
                ListOffsetsTopicResponse(
                    name=topic.name,
                    partitions=[
                        ListOffsetsPartitionResponse(
                            partition_index=one.partition_index, offset=100 * node.node_id
                        )
                        for one in topic.partitions
                    ],
                )
                for topic in request.topics
            ]
        )

    return answer


HEARTBEAT = HeartbeatRequest(group_id="g", generation_id=1, member_id="m")


async def test_partitions_are_asked_of_their_leaders_and_answered_as_one(cluster, opened):
    brokers = await cluster(3)
    for one in brokers:
        one.on(ListOffsetsRequest, offsets_of(one))
    link = await opened(brokers[0])

    answer = await link.send(list_offsets(0, 1, 2, 3))

    (topic,) = answer.topics
    assert {one.partition_index: one.offset for one in topic.partitions} == {0: 0, 1: 100, 2: 200, 3: 0}
    assert [len(one.sent(ListOffsetsRequest)) for one in brokers] == [1, 1, 1]


async def test_a_leader_that_has_moved_is_looked_up_before_the_next_request(cluster, opened):
    brokers = await cluster(2, partitions=1)
    code = ErrorCode.NOT_LEADER_OR_FOLLOWER
    brokers[0].on(ProduceRequest, lambda request: produced(request, code))
    brokers[1].on(ProduceRequest, produced)
    link = await opened(brokers[0])

    refused = await link.send(produce([0]))
    brokers[0].leaders["t"] = [1]
    written = await link.send(produce([0]))

    assert refused.responses[0].partition_responses[0].error_code is code
    assert written.responses[0].partition_responses[0].error_code is ErrorCode.NONE


async def test_what_was_asked_of_a_broker_that_died_is_asked_of_the_next_leader(cluster, opened):
    brokers = await cluster(2, partitions=1)
    brokers[1].on(ProduceRequest, produced)
    link = await opened(brokers[1], brokers[0])
    brokers[0].leaders["t"] = [1]
    brokers[0].brokers = brokers[1].brokers = [brokers[1], brokers[0]]
    await brokers[0].stop()

    answer = await link.send(produce([0]))

    assert answer.responses[0].partition_responses[0].base_offset == 7


async def test_the_last_broker_of_a_cluster_is_asked_where_it_is(cluster, opened):
    brokers = await cluster(2, partitions=1)
    brokers[1].on(HeartbeatRequest, lambda _: HeartbeatResponse())
    for one in brokers:
        one.on(FindCoordinatorRequest, coordinated_by(brokers[1]))
    link = await opened(brokers[0], brokers[1])
    brokers[1].brokers = [brokers[1]]
    await brokers[0].stop()

    for _ in range(2):
        assert await link.send(HEARTBEAT) == HeartbeatResponse()
        await link.send(MetadataRequest())


async def test_another_broker_that_was_named_is_asked_where_the_first_is_gone(cluster, opened):
    brokers = await cluster(2)
    for one in brokers:
        one.brokers = [one]
        one.on(HeartbeatRequest, lambda _: HeartbeatResponse())
    link = await opened(*brokers)
    await brokers[0].stop()

    assert await link.send(HEARTBEAT) == HeartbeatResponse()


async def test_a_broken_connection_is_made_again_and_the_request_sent_again(cluster, opened):
    (broker,) = await cluster(1)
    link = await opened(broker)
    seen = []

    def answer(request):
        seen.append(request)
        if len(seen) == 1:
            broker.hang_up()
        return HeartbeatResponse()

    broker.on(HeartbeatRequest, answer)

    assert await link.send(HEARTBEAT) == HeartbeatResponse()
    assert len(seen) == 2


async def test_requests_wait_for_a_broker_that_is_started_again(cluster, opened):
    (broker,) = await cluster(1)
    broker.on(HeartbeatRequest, lambda _: HeartbeatResponse())
    link = await opened(broker)
    port = broker.port
    await broker.stop()
    waiting = asyncio.ensure_future(link.send(HEARTBEAT))
    await asyncio.sleep(0)

    await broker.start(port)

    assert await waiting == HeartbeatResponse()


async def test_a_group_is_asked_of_its_coordinator_which_is_looked_up_once(cluster, opened):
    brokers = await cluster(2)
    for one in brokers:
        one.on(FindCoordinatorRequest, coordinated_by(brokers[1]))
    brokers[1].on(HeartbeatRequest, lambda _: HeartbeatResponse())
    link = await opened(brokers[0])

    for _ in range(3):
        assert await link.send(HEARTBEAT) == HeartbeatResponse()

    assert sum(len(one.sent(FindCoordinatorRequest)) for one in brokers) == 1
    assert len(brokers[1].sent(HeartbeatRequest)) == 3


async def test_a_coordinator_that_is_none_any_more_is_looked_up_again(cluster, opened):
    brokers = await cluster(2)
    for one in brokers:
        one.on(FindCoordinatorRequest, coordinated_by(brokers[1]))
    brokers[1].on(HeartbeatRequest, lambda _: HeartbeatResponse(error_code=ErrorCode.NOT_COORDINATOR))
    brokers[0].on(HeartbeatRequest, lambda _: HeartbeatResponse())
    link = await opened(brokers[0])
    assert (await link.send(HEARTBEAT)).error_code is ErrorCode.NOT_COORDINATOR

    for one in brokers:
        one.on(FindCoordinatorRequest, coordinated_by(brokers[0]))

    assert (await link.send(HEARTBEAT)).error_code is ErrorCode.NONE


async def test_several_groups_are_asked_of_their_coordinators(cluster, opened):
    brokers = await cluster(2)
    homes = {"even": brokers[0], "odd": brokers[1]}
    for one in brokers:
        one.on(
            FindCoordinatorRequest,
            lambda request: coordinated_by(homes[request.coordinator_keys[0]])(request),
        )
        one.on(
            DescribeGroupsRequest,
            lambda request: DescribeGroupsResponse(
                groups=[DescribedGroup(group_id=group, members=[]) for group in request.groups]
            ),
        )
    link = await opened(brokers[0])

    answer = await link.send(DescribeGroupsRequest(groups=["even", "odd"]))

    assert [group.group_id for group in answer.groups] == ["even", "odd"]
    assert [one.sent(DescribeGroupsRequest)[0].groups for one in brokers] == [["even"], ["odd"]]


async def test_all_brokers_list_their_groups(cluster, opened):
    brokers = await cluster(3)
    for one in brokers:
        group = ListedGroup(group_id=f"g{one.node_id}", protocol_type="consumer", group_state="Stable")
        one.on(ListGroupsRequest, lambda _, group=group: ListGroupsResponse(groups=[group]))
    link = await opened(brokers[0])

    answer = await link.send(ListGroupsRequest())

    assert [group.group_id for group in answer.groups] == ["g0", "g1", "g2"]


async def test_a_broker_describes_its_own_configuration(cluster, opened):
    brokers = await cluster(2)
    for one in brokers:
        one.on(
            DescribeConfigsRequest,
            lambda request, by=one.node_id: DescribeConfigsResponse(
                results=[
                    DescribeConfigsResult(
                        resource_type=resource.resource_type,
                        resource_name=resource.resource_name,
                        error_message=str(by),
                        configs=[],
                    )
                    for resource in request.resources
                ]
            ),
        )
    link = await opened(brokers[0])
    resources = [
        DescribeConfigsResource(resource_type=ConfigResourceType.TOPIC, resource_name="t"),
        DescribeConfigsResource(resource_type=ConfigResourceType.BROKER, resource_name="1"),
    ]

    answer = await link.send(DescribeConfigsRequest(resources=resources))

    assert [(one.resource_name, one.error_message) for one in answer.results] == [("t", "0"), ("1", "1")]


async def test_changes_of_topics_are_asked_of_the_controller(cluster, opened):
    brokers = await cluster(2)
    brokers[1].on(CreateTopicsRequest, lambda _: CreateTopicsResponse(topics=[]))
    link = await opened(brokers[1])

    assert await link.send(CreateTopicsRequest(topics=[])) == CreateTopicsResponse(topics=[])


def batches(*values):
    return EncodedBatches([raw_records([None], [value], [0]).framed() for value in values])


async def test_kafka_is_given_one_batch_for_a_partition_at_a_time(cluster, opened):
    (broker,) = await cluster(1)
    broker.on(ProduceRequest, lambda request: produced(request, base_offset=len(broker.sent(ProduceRequest))))
    link = await opened(broker)

    answer = await link.send(produce([0, 1], batches(b"a", b"b", b"c")))

    sent = [
        [(part.index, len(list(split(bytes(part.records))))) for part in request.topic_data[0].partition_data]
        for request in broker.sent(ProduceRequest)
    ]
    assert sent == [[(0, 1), (1, 1)]] * 3
    assert [one.base_offset for one in answer.responses[0].partition_responses] == [1, 1]


async def test_our_own_brokers_are_given_all_batches_at_once(cluster, opened):
    (broker,) = await cluster(1)
    broker.features = [SupportedFeature(name=SEVERAL_BATCHES, min_version=0, max_version=1)]
    broker.on(ProduceRequest, produced)
    link = await opened(broker)

    await link.send(produce([0], batches(b"a", b"b", b"c")))

    (request,) = broker.sent(ProduceRequest)
    assert bytes(request.topic_data[0].partition_data[0].records) == bytes(batches(b"a", b"b", b"c").joined())


async def test_a_later_batch_is_sent_again_by_itself(cluster, opened):
    (broker,) = await cluster(1)
    codes = [ErrorCode.NONE, ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NONE]
    broker.on(ProduceRequest, lambda request: produced(request, codes.pop(0)))
    link = await opened(broker)

    answer = await link.send(produce([0], batches(b"a", b"b")))

    assert answer.responses[0].partition_responses[0].error_code is ErrorCode.NONE
    records = [bytes(one.topic_data[0].partition_data[0].records) for one in broker.sent(ProduceRequest)]
    assert len(records) == 3
    assert records[1] == records[2] != records[0]


async def test_nothing_is_written_behind_a_batch_that_was_refused(cluster, opened):
    (broker,) = await cluster(1)
    broker.on(ProduceRequest, lambda request: produced(request, ErrorCode.INVALID_RECORD))
    link = await opened(broker)

    answer = await link.send(produce([0], batches(b"a", b"b")))

    assert answer.responses[0].partition_responses[0].error_code is ErrorCode.INVALID_RECORD
    assert len(broker.sent(ProduceRequest)) == 1


async def test_without_acks_nobody_waits_for_an_answer(cluster, opened):
    (broker,) = await cluster(1)
    arrived = asyncio.Event()

    def take(_):
        arrived.set()
        raise Hang

    broker.on(ProduceRequest, take)
    link = await opened(broker)

    answer = await link.send(produce([0], acks=0))

    assert answer.responses[0].partition_responses[0] == PartitionProduceResponse(index=0)
    await asyncio.wait_for(arrived.wait(), 5)


async def test_a_fetch_does_not_hold_up_what_is_answered_at_once(cluster, opened):
    (broker,) = await cluster(1)
    go = asyncio.Event()

    async def wait(request):
        await go.wait()
        return FetchResponse(responses=[])

    broker.on(FetchRequest, wait)
    broker.on(HeartbeatRequest, lambda _: HeartbeatResponse())
    link = await opened(broker)
    fetches = [asyncio.ensure_future(link.send(fetch(0))) for _ in range(3)]
    while len(broker.sent(FetchRequest)) < 3:
        await asyncio.sleep(0)

    assert await link.send(HEARTBEAT) == HeartbeatResponse()
    go.set()
    assert await asyncio.gather(*fetches) == [FetchResponse(responses=[])] * 3


def fetch(*partitions, max_wait_ms=500):
    parts = [FetchPartition(partition=index, fetch_offset=0) for index in partitions]
    return FetchRequest(max_wait_ms=max_wait_ms, topics=[FetchTopic(topic="t", partitions=parts)])


def fetched(request, records=b""):
    return FetchResponse(
        responses=[
            FetchTopicResponse(
                topic=topic.topic,
                partitions=[
                    FetchPartitionResponse(partition_index=one.partition, records=records)
                    for one in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


async def test_the_first_broker_with_records_ends_a_fetch_and_the_others_are_not_asked_again(cluster, opened):
    brokers = await cluster(2)
    go = asyncio.Event()

    async def later(request):
        await go.wait()
        return fetched(request, b"late")

    brokers[0].on(FetchRequest, lambda request: fetched(request, b"soon"))
    brokers[1].on(FetchRequest, later)
    link = await opened(brokers[0])

    first = await link.send(fetch(0, 1))
    go.set()
    second = await link.send(fetch(1, max_wait_ms=500))

    assert [one.partition_index for topic in first.responses for one in topic.partitions] == [0]
    assert [bytes(one.records) for topic in second.responses for one in topic.partitions] == [b"late"]
    assert len(brokers[1].sent(FetchRequest)) == 1


async def test_a_fetch_that_may_not_wait_leaves_out_who_waits_still(cluster, opened):
    brokers = await cluster(2)
    never = asyncio.Event()
    brokers[0].on(FetchRequest, lambda request: fetched(request, b"soon"))

    async def wait(_):
        await never.wait()

    brokers[1].on(FetchRequest, wait)
    link = await opened(brokers[0])
    await link.send(fetch(0, 1))

    answer = await link.send(fetch(0, 1, max_wait_ms=0))

    assert [one.partition_index for topic in answer.responses for one in topic.partitions] == [0]


async def test_users_of_one_link_are_told_apart_by_their_requests(cluster, opened):
    from streamz_core.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse

    (broker,) = await cluster(1)
    broker.on(JoinGroupRequest, lambda _: JoinGroupResponse(members=[]))
    link = await opened(broker)

    await link.send(JoinGroupRequest(group_id="g", session_timeout_ms=10, protocols=[], client_id="somebody"))

    assert broker.headers[-1].client_id == "somebody"
    assert broker.headers[0].client_id == "test"


async def test_a_broker_that_speaks_older_versions_is_spoken_to_in_those(cluster, opened):
    (broker,) = await cluster(1)
    broker.versions[12] = (0, 3)
    broker.on(HeartbeatRequest, lambda _: HeartbeatResponse())
    link = await opened(broker)

    await link.send(HEARTBEAT)

    assert broker.headers[-1].api_version == 3


async def test_a_broker_that_does_not_know_the_newest_api_versions_is_asked_in_the_oldest(cluster, opened):
    (broker,) = await cluster(1)
    normal = broker._api_versions
    refusal = ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=[])
    answers = [refusal, normal(None)]
    from streamz_core.protocol.messages.api_versions import ApiVersionsRequest

    broker.on(ApiVersionsRequest, lambda _: answers.pop(0))
    await opened(broker)

    assert [one.api_version for one in broker.headers[:2]] == [3, 0]


async def test_an_api_that_the_broker_lacks_is_named(cluster, opened):
    (broker,) = await cluster(1)
    del broker.versions[12]
    link = await opened(broker)

    with pytest.raises(errors.IncompatibleBrokerVersion, match=r"does not know HeartbeatRequest"):
        await link.send(HEARTBEAT)


async def test_transactions_need_a_broker_that_knows_their_second_version(cluster, opened):
    (broker,) = await cluster(1)
    broker.versions[0] = (0, 11)
    link = await opened(broker)

    with pytest.raises(errors.IncompatibleBrokerVersion, match=r"transactions need Kafka 4\.0"):
        await link.send(produce([0], transactional_id="x"))


async def test_what_makes_no_sense_breaks_the_connection_and_is_asked_again(cluster, opened):
    (broker,) = await cluster(1)
    answers = [HeartbeatResponse(), HeartbeatResponse()]
    broker.on(HeartbeatRequest, lambda _: answers.pop())
    link = await opened(broker)
    sane = broker._answer

    async def insane(frame, writer):
        broker._answer = sane
        writer.write(b"\0\0\0\5\x7f\xff\xff\xff\0")

    broker._answer = insane

    assert await link.send(HEARTBEAT) == HeartbeatResponse()


async def test_a_closed_link_says_so(cluster, opened):
    (broker,) = await cluster(1)
    hang = asyncio.Event()

    async def never(_):
        await hang.wait()

    broker.on(HeartbeatRequest, never)
    link = await opened(broker)
    waiting = asyncio.ensure_future(link.send(HEARTBEAT))
    while not broker.sent(HeartbeatRequest):
        await asyncio.sleep(0)

    await link.close()
    await link.close()

    with pytest.raises(errors.LinkClosed):
        await waiting
    with pytest.raises(errors.LinkClosed, match="HeartbeatRequest was not sent"):
        await link.send(HEARTBEAT)


async def test_who_gives_up_waiting_disturbs_nobody_else(cluster, opened):
    (broker,) = await cluster(1)
    go = asyncio.Event()

    async def slow(_):
        await go.wait()
        return ListGroupsResponse(groups=[])

    broker.on(ListGroupsRequest, slow)
    link = await opened(broker)
    first = asyncio.ensure_future(link.send(ListGroupsRequest()))
    second = asyncio.ensure_future(link.send(ListGroupsRequest()))
    while not broker.sent(ListGroupsRequest):
        await asyncio.sleep(0)
    first.cancel()
    go.set()

    assert await second == ListGroupsResponse(groups=[])


async def test_a_cluster_that_cannot_be_found_is_named(opened):
    from streamz_core.client.tcp.cluster_link import ClusterLink
    from streamz_core.clock import SystemClock

    endpoint = Endpoint("127.0.0.1", 1)
    with pytest.raises(
        errors.KafkaConnectionError, match=r"no broker of kafka://127\.0\.0\.1:1 can be reached"
    ):
        await ClusterLink.open([endpoint], LinkSettings(open_timeout_ms=1), SystemClock())
