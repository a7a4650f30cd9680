"""Owns: what becomes of committed offsets whose topic did not survive a crash."""

from __future__ import annotations

from typing import Any

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchTopic,
)


async def commit(talk: Any, offset: int) -> None:
    partitions = [OffsetCommitPartition(partition_index=0, committed_offset=offset)]
    request = OffsetCommitRequest(group_id="g", topics=[OffsetCommitTopic(name="t", partitions=partitions)])
    answer = await talk.broker.handle(request)
    assert answer.topics[0].partitions[0].error_code is ErrorCode.NONE


async def committed(talk: Any) -> int:
    topics = [OffsetFetchTopic(name="t", partition_indexes=[0])]
    asked = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g", topics=topics)])
    offset: int = (await talk.broker.handle(asked)).groups[0].topics[0].partitions[0].committed_offset
    return offset


async def test_offsets_of_a_topic_whose_deletion_was_interrupted_are_forgotten(
    talk: Any, open_broker: Any
) -> None:
    await talk.produce("t", b"old")
    await commit(talk, 1)
    talk.broker.deletion_listeners.clear()  # the process dies before they are told
    await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name="t")]))
    await talk.broker.abandon()

    for _ in range(2):
        talk = await open_broker()
        await talk.create("t")
        await talk.produce("t", b"new")
        assert await committed(talk) == -1
        await talk.broker.abandon()
