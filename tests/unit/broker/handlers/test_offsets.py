"""ListOffsets, DeleteRecords, InitProducerId."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic, IsolationLevel
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.list_offsets import (
    EARLIEST_LOCAL_TIMESTAMP,
    EARLIEST_TIMESTAMP,
    LATEST_TIERED_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)


async def _offset(
    talk: Any, timestamp: int, *, topic: str = "t", partition: int = 0, committed: bool = False
) -> Any:
    asked = ListOffsetsPartition(partition_index=partition, timestamp=timestamp)
    isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    request = ListOffsetsRequest(
        topics=[ListOffsetsTopic(name=topic, partitions=[asked])], isolation_level=isolation
    )
    return (await talk.broker.handle(request)).topics[0].partitions[0]


async def _epoch_end(
    talk: Any, leader_epoch: int, *, topic: str = "t", current_leader_epoch: int = -1
) -> Any:
    asked = OffsetForLeaderPartition(
        partition=0, leader_epoch=leader_epoch, current_leader_epoch=current_leader_epoch
    )
    request = OffsetForLeaderEpochRequest(topics=[OffsetForLeaderTopic(topic=topic, partitions=[asked])])
    return (await talk.broker.handle(request)).topics[0].partitions[0]


async def _delete(talk: Any, offset: int, *, topic: str = "t", partition: int = 0) -> Any:
    asked = DeleteRecordsPartition(partition_index=partition, offset=offset)
    request = DeleteRecordsRequest(topics=[DeleteRecordsTopic(name=topic, partitions=[asked])])
    return (await talk.broker.handle(request)).topics[0].partitions[0]


async def test_the_ends_of_a_partition(talk: Any) -> None:
    await talk.produce("t", b"a", b"b", b"c")
    await _delete(talk, 1)

    assert (await _offset(talk, EARLIEST_TIMESTAMP)).offset == 1
    assert (await _offset(talk, LATEST_TIMESTAMP)).offset == 3
    assert (await _offset(talk, EARLIEST_LOCAL_TIMESTAMP)).offset == 1
    assert (await _offset(talk, LATEST_TIERED_TIMESTAMP)).offset == -1


@pytest.mark.parametrize(
    ("epoch", "code"), [(-1, "NONE"), (0, "NONE"), (1, "UNKNOWN_LEADER_EPOCH"), (-2, "FENCED_LEADER_EPOCH")]
)
async def test_who_believes_in_another_leader_epoch_is_refused(talk: Any, epoch: int, code: str) -> None:
    await talk.produce("t", b"a", b"b")
    asked = ListOffsetsPartition(partition_index=0, timestamp=LATEST_TIMESTAMP, current_leader_epoch=epoch)
    listed = await talk.broker.handle(
        ListOffsetsRequest(topics=[ListOffsetsTopic(name="t", partitions=[asked])])
    )
    ended = await _epoch_end(talk, 0, current_leader_epoch=epoch)
    read = FetchPartition(partition=0, fetch_offset=0, current_leader_epoch=epoch)
    fetched = await talk.broker.handle(FetchRequest(topics=[FetchTopic(topic="t", partitions=[read])]))

    assert listed.topics[0].partitions[0].error_code is ErrorCode[code]
    assert ended.error_code is ErrorCode[code]
    assert fetched.responses[0].partitions[0].error_code is ErrorCode[code]


@pytest.mark.parametrize(("epoch", "answer"), [(0, (0, 2)), (1, (-1, -1)), (-1, (-1, -1))])
async def test_the_one_epoch_ends_where_the_log_does(talk: Any, epoch: int, answer: tuple[int, int]) -> None:
    await talk.produce("t", b"a", b"b")

    found = await _epoch_end(talk, epoch)

    assert found.error_code is ErrorCode.NONE
    assert (found.leader_epoch, found.end_offset) == answer
    assert (await _epoch_end(talk, 0, topic="no")).error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_offsets_by_time(talk: Any) -> None:
    for timestamp in (1_000, 3_000, 2_000):
        await talk.produce("t", b"x", timestamp=timestamp)

    found = {time: await _offset(talk, time) for time in (0, 1_000, 1_001, 3_000, 3_001, MAX_TIMESTAMP)}

    assert {time: (one.offset, one.timestamp) for time, one in found.items()} == {
        0: (0, 1_000),
        1_000: (0, 1_000),
        1_001: (1, 3_000),
        3_000: (1, 3_000),
        3_001: (-1, -1),
        MAX_TIMESTAMP: (1, 3_000),
    }


async def test_an_empty_partition_has_ends_and_no_times(talk: Any) -> None:
    assert (await _offset(talk, LATEST_TIMESTAMP)).offset == 0
    assert (await _offset(talk, EARLIEST_TIMESTAMP)).offset == 0
    assert (await _offset(talk, 0)).offset == -1
    assert (await _offset(talk, MAX_TIMESTAMP)).offset == -1


async def test_committed_readers_are_told_no_offset_of_an_open_transaction(talk: Any) -> None:
    log = talk.broker.log("t", 0)
    await talk.produce("t", b"a", timestamp=1_000)
    records = talk.batch(
        b"b", timestamp=2_000, transactional=True, producer_id=5, producer_epoch=0, base_sequence=0
    )
    await talk.broker.append(log, records)

    assert (await _offset(talk, LATEST_TIMESTAMP)).offset == 2
    assert (await _offset(talk, LATEST_TIMESTAMP, committed=True)).offset == 1
    assert (await _offset(talk, 2_000)).offset == 1
    assert (await _offset(talk, 2_000, committed=True)).offset == -1


async def test_unknown_partitions_and_timestamps(talk: Any) -> None:
    assert (await _offset(talk, 0, topic="nowhere")).error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (await _offset(talk, 0, partition=2)).error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (await _offset(talk, -9)).error_code is ErrorCode.UNSUPPORTED_VERSION


async def test_deleted_records_are_gone_for_readers(talk: Any) -> None:
    for value in (b"a", b"b", b"c"):
        await talk.produce("t", value)

    answer = await _delete(talk, 2)
    below = await talk.fetch("t", 1)

    assert (answer.error_code, answer.low_watermark) == (ErrorCode.NONE, 2)
    assert below.error_code is ErrorCode.OFFSET_OUT_OF_RANGE
    assert below.log_start_offset == 2
    assert await talk.values("t", 2) == [b"c"]
    assert (await _delete(talk, -1)).low_watermark == 3


@pytest.mark.parametrize("offset", [-2, 2])
async def test_what_is_not_there_cannot_be_deleted(talk: Any, offset: int) -> None:
    await talk.produce("t", b"a")

    assert (await _delete(talk, offset)).error_code is ErrorCode.OFFSET_OUT_OF_RANGE


async def test_records_of_some_topics_are_not_deleted(talk: Any) -> None:
    await talk.create("compacted", cleanup_policy="compact")
    talk.broker.ensure_internal_topic("__consumer_offsets", 1, {"cleanup.policy": "compact"})

    assert (await _delete(talk, 0, topic="compacted")).error_code is ErrorCode.POLICY_VIOLATION
    internal = await _delete(talk, 0, topic="__consumer_offsets")
    assert internal.error_code is ErrorCode.INVALID_TOPIC_EXCEPTION
    unknown = await _delete(talk, 0, topic="nowhere")
    assert unknown.error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_producer_ids_are_never_given_twice(talk: Any, open_broker: Any) -> None:
    given = []
    for _ in range(3):
        for _ in range(3):
            response = await talk.broker.handle(InitProducerIdRequest())
            given.append(response.producer_id)
            assert response.producer_epoch == 0
        await talk.broker.abandon()
        talk = await open_broker()

    assert len(set(given)) == 9
    assert all(producer_id >= 0 for producer_id in given)
