"""Owns: the tests that committed offsets are taken back for good, and of whom. Must not know: the client."""

from __future__ import annotations

import errno
from typing import Any

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartition,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteTopic,
)
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles


async def commit(talk: Any, *offsets: int, group_id: str = "g") -> None:
    partitions = [
        OffsetCommitPartition(partition_index=index, committed_offset=offset)
        for index, offset in enumerate(offsets)
    ]
    await talk.broker.handle(
        OffsetCommitRequest(group_id=group_id, topics=[OffsetCommitTopic(name="t", partitions=partitions)])
    )


async def committed(talk: Any, group_id: str = "g") -> dict[int, int]:
    response = await talk.broker.handle(OffsetFetchRequest(group_id=group_id))
    return {p.partition_index: p.committed_offset for topic in response.topics for p in topic.partitions}


async def delete(talk: Any, *indexes: int, topic: str = "t", group_id: str = "g") -> OffsetDeleteResponse:
    asked = OffsetDeleteTopic(
        name=topic, partitions=[OffsetDeletePartition(partition_index=index) for index in indexes]
    )
    response: OffsetDeleteResponse = await talk.broker.handle(
        OffsetDeleteRequest(group_id=group_id, topics=[asked])
    )
    return response


def codes(response: OffsetDeleteResponse) -> dict[int, ErrorCode]:
    return {p.partition_index: p.error_code for topic in response.topics for p in topic.partitions}


async def test_what_is_taken_back_stays_away_after_a_crash(talk: Any, open_broker: Any) -> None:
    await commit(talk, 5, 7)

    response = await delete(talk, 1)

    assert response.error_code is ErrorCode.NONE
    assert codes(response) == {1: ErrorCode.NONE}
    assert await committed(talk) == {0: 5}
    await talk.broker.abandon()
    assert await committed(await open_broker()) == {0: 5}


async def test_offsets_can_be_committed_again(talk: Any, open_broker: Any) -> None:
    await commit(talk, 5)
    await delete(talk, 0)
    await commit(talk, 3)

    assert await committed(talk) == {0: 3}
    await talk.broker.abandon()
    assert await committed(await open_broker()) == {0: 3}


async def test_what_is_not_committed_is_no_error_and_what_is_not_there_is(talk: Any) -> None:
    await commit(talk, 5)

    assert codes(await delete(talk, 1, 9)) == {
        1: ErrorCode.NONE,
        9: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert codes(await delete(talk, 0, topic="gone")) == {0: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert await committed(talk) == {0: 5}


async def test_groups_that_cannot_be_asked(talk: Any) -> None:
    await commit(talk, 5)
    assert (await delete(talk, 0, group_id="nobody")).error_code is ErrorCode.GROUP_ID_NOT_FOUND
    assert (await delete(talk, 0, group_id="")).error_code is ErrorCode.INVALID_GROUP_ID
    assert await committed(talk) == {0: 5}


async def test_a_disk_that_fails_is_told(open_broker: Any, files: Any) -> None:
    full = next(fault for fault in FAULTS if fault.errno == errno.ENOSPC)
    faulty = FaultyFiles(files, full, at_call=0, persistent=True)
    talk = await open_broker(files=faulty)
    await talk.create("t")
    await commit(talk, 5)

    faulty._at_call = faulty.calls + 1

    assert (await delete(talk, 0)).error_code is ErrorCode.KAFKA_STORAGE_ERROR
    faulty.heal()
    assert await committed(talk) == {0: 5}
    await talk.broker.abandon()
