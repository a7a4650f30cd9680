"""Owns: versions whose form is not our message's: old clients' requests become ours, and they can read our answers."""

from __future__ import annotations

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopicResult,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from streamz_core.protocol.messages.fetch import FetchPartitionResponse, FetchResponse, FetchTopicResponse
from streamz_core.protocol.messages.find_coordinator import (
    Coordinator,
    CoordinatorType,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from streamz_core.protocol.messages.init_producer_id import InitProducerIdResponse
from streamz_core.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    MemberResponse,
)
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataResponse, MetadataTopic
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchGroupResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    OffsetFetchTopic,
    OffsetFetchTopicResponse,
)
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.schemas.one_at_a_time import OneAtATime
from streamz_core.protocol.wire import codec

COORDINATOR = Coordinator(key="g", node_id=3, host="h", port=9092)
MEMBER = MemberIdentity(member_id="m")


def request_again(request, version):
    body = memoryview(b"".join(codec.encode_request(request, version)))
    return codec.decode_request(request.api_key, version, body)


def response_again(api_key, response, version):
    body = memoryview(b"".join(codec.encode_response(api_key, version, response)))
    return codec.decode_response(api_key, version, body)


@pytest.mark.parametrize("version", range(7))
def test_find_coordinator_of_one_key(version):
    key_type = CoordinatorType.TRANSACTION if version else CoordinatorType.GROUP
    request = FindCoordinatorRequest(key_type=key_type, coordinator_keys=["g"])

    assert request_again(request, version) == request


@pytest.mark.parametrize("version", [1, 3, 4])
def test_the_coordinator_found(version):
    response = FindCoordinatorResponse(coordinators=[COORDINATOR], throttle_time_ms=5)

    (one,) = response_again(10, response, version).coordinators

    assert (one.node_id, one.host, one.port) == (3, "h", 9092)


def test_a_coordinator_that_is_not_there_says_so_at_the_top():
    missing = Coordinator(
        key="g",
        node_id=-1,
        host="",
        port=-1,
        error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE,
        error_message="no",
    )

    (one,) = response_again(10, FindCoordinatorResponse(coordinators=[missing]), 3).coordinators

    assert (one.error_code, one.error_message) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, "no")


@pytest.mark.parametrize(
    ("request_", "version"),
    [
        (FindCoordinatorRequest(coordinator_keys=["a", "b"]), 3),
        (LeaveGroupRequest(group_id="g", members=[MEMBER, MEMBER]), 2),
        (OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="a"), OffsetFetchGroup(group_id="b")]), 7),
    ],
)
def test_several_where_there_is_room_for_one_are_misuse(request_, version):
    with pytest.raises(OneAtATime, match="send one request for each"):
        codec.encode_request(request_, version)


@pytest.mark.parametrize("version", range(6))
def test_leave_group_of_one_member(version):
    request = LeaveGroupRequest(group_id="g", members=[MEMBER])

    assert request_again(request, version) == request


@pytest.mark.parametrize("version", [0, 2, 3])
def test_the_only_member_is_told_its_error(version):
    refused = MemberResponse(member_id="m", error_code=ErrorCode.UNKNOWN_MEMBER_ID)

    (one,) = response_again(13, LeaveGroupResponse(members=[refused]), version).members

    assert one.error_code is ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", range(2, 10))
@pytest.mark.parametrize("topics", [None, [], [OffsetFetchTopic(name="t", partition_indexes=[0, 1])]])
def test_offset_fetch_of_one_group(version, topics):
    request = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g", topics=topics)])

    assert request_again(request, version) == request


@pytest.mark.parametrize("version", [2, 7, 8])
def test_the_offsets_of_one_group(version):
    group = OffsetFetchGroupResponse(
        group_id="g",
        topics=[OffsetFetchTopicResponse(name="t", partitions=[])],
        error_code=ErrorCode.NOT_COORDINATOR,
    )

    (one,) = response_again(9, OffsetFetchResponse(groups=[group]), version).groups

    assert (one.topics, one.error_code) == (group.topics, group.error_code)


def test_members_of_version_0_wait_as_long_as_a_session():
    request = JoinGroupRequest(group_id="g", session_timeout_ms=7, rebalance_timeout_ms=9, protocols=[])

    assert request_again(request, 0).rebalance_timeout_ms == 7
    assert request_again(request, 1).rebalance_timeout_ms == 9


def test_members_are_told_their_id_first_from_version_4_on():
    request = JoinGroupRequest(group_id="g", session_timeout_ms=7, protocols=[])

    assert not request_again(request, 3).requires_known_member_id
    assert request_again(request, 4).requires_known_member_id


def test_a_group_without_a_protocol_is_readable_by_everybody():
    response = JoinGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID, members=[])

    assert response_again(11, response, 6).protocol_name == ""
    assert response_again(11, response, 7).protocol_name is None


def test_members_of_the_consumer_protocol_choose_their_ids_from_version_1_on():
    request = ConsumerGroupHeartbeatRequest(group_id="g", member_epoch=0)

    assert not request_again(request, 0).requires_member_id
    assert request_again(request, 1).requires_member_id


@pytest.mark.parametrize(
    ("request_", "last_old"),
    [
        (ProduceRequest(topic_data=[]), 11),
        (EndTxnRequest(transactional_id="x", producer_id=1, producer_epoch=0, committed=True), 4),
    ],
)
def test_the_version_tells_which_transactions_are_meant(request_, last_old):
    assert request_again(request_, last_old).transaction_version is TransactionVersion.V1
    assert request_again(request_, last_old + 1).transaction_version is TransactionVersion.V2


@pytest.mark.parametrize(
    ("api_key", "response", "first_new"),
    [
        (22, InitProducerIdResponse(error_code=ErrorCode.PRODUCER_FENCED), 4),
        (26, EndTxnResponse(error_code=ErrorCode.PRODUCER_FENCED), 2),
    ],
)
def test_old_producers_know_a_newer_one_by_an_older_error(api_key, response, first_new):
    assert response_again(api_key, response, first_new - 1).error_code is ErrorCode.INVALID_PRODUCER_EPOCH
    assert response_again(api_key, response, first_new).error_code is ErrorCode.PRODUCER_FENCED


def test_old_producers_know_a_newer_one_by_an_older_error_in_each_partition():
    refused = AddPartitionsToTxnPartitionResult(partition_index=0, error_code=ErrorCode.PRODUCER_FENCED)
    response = AddPartitionsToTxnResponse(
        results=[AddPartitionsToTxnTopicResult(name="t", results=[refused])]
    )

    def code(version):
        return response_again(24, response, version).results[0].results[0].error_code

    assert (code(1), code(2)) == (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED)


def test_no_topics_are_all_topics_in_version_0_alone():
    request = MetadataRequest(topics=[])

    assert request_again(request, 0).topics is None
    assert request_again(request, 1).topics == []
    assert request_again(MetadataRequest(topics=None), 0).topics is None


def test_a_topic_without_a_name_has_none_on_the_wire():
    unnamed = MetadataResponse(
        brokers=[],
        cluster_id="c",
        topics=[MetadataTopic(error_code=ErrorCode.UNKNOWN_TOPIC_ID, partitions=[])],
    )

    body = b"".join(codec.encode_response(3, 12, unnamed))

    assert b"\x00\x64\x00" in body  # the error code, and a null of one byte
    assert response_again(3, unnamed, 12) == unnamed


@pytest.mark.parametrize("version", [1, 5, 6])
def test_topics_are_deleted_by_name(version):
    request = DeleteTopicsRequest(topics=[DeleteTopicState(name="a"), DeleteTopicState(name="b")])

    assert request_again(request, version) == request


def test_assignments_and_configs_are_dictionaries():
    topic = CreatableTopic(name="t", assignments={0: [1, 2]}, configs={"a": "1", "b": None})
    request = CreateTopicsRequest(topics=[topic])

    for version in (2, 5, 7):
        assert request_again(request, version) == request


def test_assignments_of_new_partitions_are_lists():
    topic = CreatePartitionsTopic(name="t", count=3, assignments=[[1, 2], [3]])
    request = CreatePartitionsRequest(topics=[topic])

    for version in (0, 2):
        assert request_again(request, version) == request


def test_what_the_wire_has_no_field_for_is_lost():
    partition = FetchPartitionResponse(partition_index=0, error_message="offsets 3 to 5 are damaged")
    response = FetchResponse(responses=[FetchTopicResponse(topic="t", partitions=[partition])])

    read = response_again(1, response, 12)

    assert read.responses[0].partitions[0].error_message is None
