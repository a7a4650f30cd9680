"""Owns: the codec's own promises: round trips, tagged fields, buffers, what it does not know."""

from __future__ import annotations

import random

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.encoded_batches import EncodedBatches
from streamz_core.protocol.messages.api_versions import ApiVersion, ApiVersionsResponse, SupportedFeature
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupAssignment,
    ConsumerGroupHeartbeatResponse,
)
from streamz_core.protocol.messages.fetch import (
    FetchPartitionResponse,
    FetchResponse,
    FetchTopicResponse,
)
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.wire import codec
from streamz_core.protocol.wire.varints import write_uvarint
from tests.unit.protocol.wire.forms import every_version

PRODUCE, FETCH, HEARTBEAT, API_VERSIONS, GROUP_HEARTBEAT = 0, 1, 12, 18, 68


def joined(buffers):
    return memoryview(b"".join(buffers))


@pytest.mark.parametrize("one", list(every_version()), ids=lambda one: one.called)
def test_what_was_written_is_read_again(one):
    rng = random.Random(one.called)
    adapt = one.form.from_wire or (lambda _, value: value)
    for _ in range(10):
        message = adapt(one.version, one.random(rng))
        if one.is_request:
            body = joined(codec.encode_request(message, one.version))
            assert codec.decode_request(one.api_key, one.version, body) == message
        else:
            body = joined(codec.encode_response(one.api_key, one.version, message))
            assert codec.decode_response(one.api_key, one.version, body) == message


@pytest.mark.parametrize("one", [one for one in every_version() if one.flexible], ids=lambda one: one.called)
def test_tagged_fields_that_nobody_knows_are_skipped(one):
    rng = random.Random(one.called)
    message = one.random(rng)
    if one.structure.tagged():
        message = type(message)(**{field: getattr(message, field) for field in plain_attributes(one)})
    body = one.encode(message)
    assert body.endswith(b"\0")
    unknown = write_uvarint(2) + write_uvarint(77) + b"\x03abc" + write_uvarint(9_000_000) + b"\x00"

    assert one.decode(body[:-1] + unknown) == message


def plain_attributes(one):
    tagged = {field.row.name for field in one.structure.tagged()}
    return [name for name in one.structure.made.__struct_fields__ if name not in tagged]


def test_tagged_fields_are_written_where_they_say_something():
    response = ApiVersionsResponse(
        api_keys=[ApiVersion(api_key=0, min_version=0, max_version=13)],
        supported_features=[SupportedFeature(name="transaction.version", min_version=0, max_version=2)],
        finalized_features_epoch=3,
    )

    body = joined(codec.encode_response(API_VERSIONS, 3, response))

    assert codec.decode_response(API_VERSIONS, 3, body) == response
    assert codec.decode_response(
        API_VERSIONS, 2, joined(codec.encode_response(API_VERSIONS, 2, response))
    ) == (ApiVersionsResponse(api_keys=response.api_keys))


def test_a_structure_that_may_be_null():
    without = ConsumerGroupHeartbeatResponse(member_id="m")
    with_one = ConsumerGroupHeartbeatResponse(
        member_id="m", assignment=ConsumerGroupAssignment(topic_partitions=[])
    )

    for response in (without, with_one):
        body = joined(codec.encode_response(GROUP_HEARTBEAT, 1, response))
        assert codec.decode_response(GROUP_HEARTBEAT, 1, body) == response


def test_records_are_not_copied():
    records = bytes(100_000)
    buffers = codec.encode_response(FETCH, 12, fetched(records))

    assert [buffer for buffer in buffers if buffer is records] == [records]
    body = joined(buffers)
    read = codec.decode_response(FETCH, 12, body)
    assert read.responses[0].partitions[0].records.obj is body.obj


def test_few_records_share_a_buffer_with_what_is_around_them():
    assert len(codec.encode_response(FETCH, 12, fetched(bytes(1000)))) == 1


def fetched(records):
    partition = FetchPartitionResponse(partition_index=0, records=records)
    return FetchResponse(responses=[FetchTopicResponse(topic="t", partitions=[partition])])


def test_batches_of_this_process_are_written_as_they_are_framed():
    batches = encoded_batches()
    request = ProduceRequest(
        topic_data=[
            TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batches)])
        ]
    )

    read = codec.decode_request(PRODUCE, 9, joined(codec.encode_request(request, 9)))

    assert read.topic_data[0].partition_data[0].records == bytes(batches.joined())


def encoded_batches():
    from streamz_core.protocol.batch_encoder import RecordWriter

    writer = RecordWriter()
    writer.append(b"key", b"value", 1_700_000_000_000, None)
    return EncodedBatches([writer.take().framed()])


def test_an_error_code_of_a_later_release_is_an_unknown_error():
    body = memoryview((0).to_bytes(4, "big") + (9999).to_bytes(2, "big") + b"\0")

    assert codec.decode_response(HEARTBEAT, 4, body) == HeartbeatResponse(
        error_code=ErrorCode.UNKNOWN_SERVER_ERROR
    )


@pytest.mark.parametrize("asked_in", [0, 3, 4])
@pytest.mark.parametrize("rest", [b"\0\0\0\1\0\x12\0\0\0\4", b"\2\0\x12\0\0\0\4\0", b""])
def test_whoever_does_not_know_a_version_of_api_versions_is_understood(asked_in, rest):
    answer = codec.decode_response(API_VERSIONS, asked_in, memoryview(b"\0\x23" + rest))

    assert answer.error_code is ErrorCode.UNSUPPORTED_VERSION
    assert answer.api_keys in ([], [ApiVersion(api_key=18, min_version=0, max_version=4)])


@pytest.mark.parametrize("version", [-1, 5, 32_767])
def test_an_unknown_version_says_which_there_are(version):
    with pytest.raises(codec.UnknownMessage, match=r"HeartbeatRequest v.*0 to 4"):
        codec.decode_request(HEARTBEAT, version, memoryview(b""))


def test_an_unknown_api_is_told():
    with pytest.raises(codec.UnknownMessage, match="key 4711"):
        codec.decode_request(4711, 0, memoryview(b""))


def test_a_number_that_does_not_fit_is_told():
    request = HeartbeatRequest(group_id="g", generation_id=2**31, member_id="m")

    with pytest.raises(codec.NotEncodable, match="HeartbeatRequest"):
        codec.encode_request(request, 4)


def test_both_sides_of_an_api_have_the_same_versions():
    from streamz_core.protocol.schemas.registry import SCHEMAS
    from streamz_core.protocol.wire.table import parse

    for schema in SCHEMAS.values():
        request, response = parse(schema.request.table), parse(schema.response.table)
        assert (request.versions, request.flexible) == (response.versions, response.flexible)


def test_every_api_of_the_broker_has_a_table():
    from streamz_core.broker.registry import API_KEYS

    assert set(codec.supported()) >= API_KEYS
