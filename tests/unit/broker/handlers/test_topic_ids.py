"""Topics named by their ids, in every request that may."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    ForgottenTopic,
)
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchGroupResponse,
    OffsetFetchRequest,
    OffsetFetchTopic,
)
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData

NOBODY = UUID(int=7)


@pytest.fixture
def topic_id(talk: Any) -> UUID:
    found: UUID = talk.broker.directory.topics["t"].topic_id
    return found


async def produced(talk: Any, topic_id: UUID) -> Any:
    data = PartitionProduceData(index=0, records=talk.batch(b"a"))
    request = ProduceRequest(topic_data=[TopicProduceData(topic_id=topic_id, partition_data=[data])])
    (topic,) = (await talk.broker.handle(request)).responses
    assert topic.topic_id == topic_id
    return topic.partition_responses[0]


async def fetched(talk: Any, *topics: FetchTopic, **session: Any) -> FetchResponse:
    response: FetchResponse = await talk.broker.handle(
        FetchRequest(topics=list(topics), max_wait_ms=0, **session)
    )
    return response


def wanted(topic_id: UUID, offset: int = 0) -> FetchTopic:
    return FetchTopic(topic_id=topic_id, partitions=[FetchPartition(partition=0, fetch_offset=offset)])


async def test_records_are_written_and_read_by_id(talk: Any, topic_id: UUID, values_of: Any) -> None:
    assert (await produced(talk, topic_id)).base_offset == 0

    (topic,) = (await fetched(talk, wanted(topic_id))).responses

    assert (topic.topic, topic.topic_id) == ("t", topic_id)
    assert values_of(topic.partitions[0].records) == [b"a"]


async def test_an_id_that_no_topic_has_is_told_from_a_partition_that_is_not_there(
    talk: Any, topic_id: UUID
) -> None:
    missing = await produced(talk, NOBODY)
    assert missing.error_code is ErrorCode.UNKNOWN_TOPIC_ID
    assert str(NOBODY) in missing.error_message
    beyond = FetchTopic(topic_id=topic_id, partitions=[FetchPartition(partition=9, fetch_offset=0)])

    unknown, none_such = (await fetched(talk, wanted(NOBODY), beyond)).responses

    assert (unknown.topic, unknown.topic_id) == ("", NOBODY)
    assert unknown.partitions[0].error_code is ErrorCode.UNKNOWN_TOPIC_ID
    assert none_such.partitions[0].error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_topic_made_anew_is_not_the_one_that_was_deleted(talk: Any, topic_id: UUID) -> None:
    deleted = await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(topic_id=topic_id)]))
    await talk.create("t")

    assert [(one.name, one.topic_id, one.error_code) for one in deleted.responses] == [
        ("t", topic_id, ErrorCode.NONE)
    ]
    assert (await produced(talk, topic_id)).error_code is ErrorCode.UNKNOWN_TOPIC_ID
    again = await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(topic_id=topic_id)]))
    assert again.responses[0].error_code is ErrorCode.UNKNOWN_TOPIC_ID
    assert "t" in talk.broker.directory.topics


async def test_a_topic_is_deleted_by_name_or_id_but_not_both(talk: Any, topic_id: UUID) -> None:
    both = DeleteTopicState(name="t", topic_id=topic_id)

    response = await talk.broker.handle(DeleteTopicsRequest(topics=[both]))

    assert response.responses[0].error_code is ErrorCode.INVALID_REQUEST
    assert "t" in talk.broker.directory.topics


async def test_a_session_begun_with_ids_goes_on_with_ids(talk: Any, topic_id: UUID, values_of: Any) -> None:
    begun = await fetched(talk, wanted(topic_id), session_epoch=0)
    session = {"session_id": begun.session_id}
    await talk.produce("t", b"a")

    (news,) = (await fetched(talk, session_epoch=1, **session)).responses
    named = FetchTopic(topic="t", partitions=[FetchPartition(partition=1, fetch_offset=0)])
    refused = await fetched(talk, named, session_epoch=2, **session)
    forgotten = [ForgottenTopic(topic_id=topic_id, partitions=[0])]
    ended = await fetched(talk, session_epoch=2, forgotten_topics_data=forgotten, **session)

    assert (news.topic, news.topic_id) == ("t", topic_id)
    assert values_of(news.partitions[0].records) == [b"a"]
    assert refused.error_code is ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    assert (ended.error_code, ended.responses, ended.session_id) == (ErrorCode.NONE, [], 0)


async def test_a_waiting_fetch_is_told_that_its_topic_is_gone(talk: Any, topic_id: UUID, clock: Any) -> None:
    request = FetchRequest(topics=[wanted(topic_id)], max_wait_ms=60_000)
    waiting = asyncio.create_task(talk.broker.handle(request))
    await asyncio.sleep(0)
    await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name="t")]))

    (topic,) = (await waiting).responses

    assert topic.partitions[0].error_code is ErrorCode.UNKNOWN_TOPIC_ID


async def test_a_topic_is_described_by_id(talk: Any, topic_id: UUID) -> None:
    asked = [MetadataRequestTopic(topic_id=topic_id), MetadataRequestTopic(topic_id=NOBODY)]

    found, unknown = (await talk.broker.handle(MetadataRequest(topics=asked))).topics

    assert (found.name, found.topic_id, len(found.partitions)) == ("t", topic_id, 2)
    assert (unknown.name, unknown.error_code) == ("", ErrorCode.UNKNOWN_TOPIC_ID)
    assert sorted(talk.broker.directory.topics) == ["t"]


async def committed(talk: Any, *topics: OffsetFetchTopic) -> OffsetFetchGroupResponse:
    group = OffsetFetchGroup(group_id="g", topics=list(topics) or None)
    (found,) = (await talk.broker.handle(OffsetFetchRequest(groups=[group]))).groups
    return found  # type: ignore[no-any-return]


async def test_offsets_are_committed_and_fetched_by_id(talk: Any, topic_id: UUID) -> None:
    partition = OffsetCommitPartition(partition_index=1, committed_offset=0)
    request = OffsetCommitRequest(
        group_id="g",
        topics=[
            OffsetCommitTopic(topic_id=topic_id, partitions=[partition]),
            OffsetCommitTopic(topic_id=NOBODY, partitions=[partition]),
        ],
    )

    done, unknown = (await talk.broker.handle(request)).topics
    found, missing = (
        await committed(
            talk,
            OffsetFetchTopic(topic_id=topic_id, partition_indexes=[1]),
            OffsetFetchTopic(topic_id=NOBODY, partition_indexes=[0]),
        )
    ).topics
    (of_all,) = (await committed(talk)).topics

    assert (done.topic_id, done.partitions[0].error_code) == (topic_id, ErrorCode.NONE)
    assert (unknown.topic_id, unknown.partitions[0].error_code) == (NOBODY, ErrorCode.UNKNOWN_TOPIC_ID)
    assert (found.name, found.partitions[0].committed_offset) == ("t", 0)
    assert missing.partitions[0].error_code is ErrorCode.UNKNOWN_TOPIC_ID
    assert (of_all.name, of_all.topic_id) == ("t", topic_id)


async def test_several_groups_are_answered_in_the_order_asked(talk: Any) -> None:
    await talk.produce("t", b"a")
    partition = OffsetCommitPartition(partition_index=0, committed_offset=1)
    topics = [OffsetCommitTopic(name="t", partitions=[partition])]
    await talk.broker.handle(OffsetCommitRequest(group_id="b", topics=topics))
    asked = [OffsetFetchGroup(group_id=name) for name in ("b", "", "a")]

    found = (await talk.broker.handle(OffsetFetchRequest(groups=asked))).groups

    assert [(one.group_id, one.error_code, len(one.topics)) for one in found] == [
        ("b", ErrorCode.NONE, 1),
        ("", ErrorCode.INVALID_GROUP_ID, 0),
        ("a", ErrorCode.NONE, 0),
    ]
