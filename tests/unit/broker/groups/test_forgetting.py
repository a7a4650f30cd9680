"""Owns: the tests that offsets are taken back, or expire, for good, and of whom. Must not know: the client."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from streamz_core.broker.groups.forgetting import expired
from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.groups.records import CommittedOffset
from streamz_core.broker.groups.state import Group, GroupState, Member
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberMetadata
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse
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
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
)
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles


async def commit(talk: Any, *offsets: int, group_id: str = "g", topic: str = "t") -> None:
    partitions = [
        OffsetCommitPartition(partition_index=index, committed_offset=offset)
        for index, offset in enumerate(offsets)
    ]
    await talk.broker.handle(
        OffsetCommitRequest(group_id=group_id, topics=[OffsetCommitTopic(name=topic, partitions=partitions)])
    )


async def committed(talk: Any, group_id: str = "g") -> dict[int, int]:
    asked = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id=group_id)])
    (found,) = (await talk.broker.handle(asked)).groups
    return {
        p.partition_index: p.committed_offset
        for topic in found.topics
        if topic.name == "t"
        for p in topic.partitions
    }


async def delete(talk: Any, *indexes: int, topic: str = "t", group_id: str = "g") -> OffsetDeleteResponse:
    partitions = [OffsetDeletePartition(partition_index=index) for index in indexes]
    asked = OffsetDeleteTopic(name=topic, partitions=partitions)
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
    await talk.broker.handle(
        JoinGroupRequest(
            group_id="g",
            session_timeout_ms=9_000,
            protocol_type="connect",
            protocols=[JoinGroupProtocol(name="p", metadata=b"")],
        )
    )

    assert (await delete(talk, 0)).error_code is ErrorCode.NON_EMPTY_GROUP
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

    assert codes(await delete(talk, 0)) == {0: ErrorCode.KAFKA_STORAGE_ERROR}
    faulty.heal()
    assert await committed(talk) == {0: 5}
    await talk.broker.abandon()


WEEK_MS = 7 * 86_400_000


async def reader(talk: Any, *topics: str, group_id: str = "g") -> JoinGroupResponse:
    """The only member of a stable group, which reads ``topics``."""
    subscription = ConsumerProtocolMemberMetadata(0, topics).encode()
    joined: JoinGroupResponse = await talk.broker.handle(
        JoinGroupRequest(
            group_id=group_id,
            session_timeout_ms=1_800_000,
            protocols=[JoinGroupProtocol(name="range", metadata=subscription)],
        )
    )
    shares = [SyncGroupAssignment(member_id=joined.member_id, assignment=b"")]
    await talk.broker.handle(
        SyncGroupRequest(
            group_id=group_id,
            generation_id=joined.generation_id,
            member_id=joined.member_id,
            assignments=shares,
        )
    )
    return joined


async def test_members_keep_the_offsets_of_what_they_read_and_only_those(talk: Any) -> None:
    await talk.create("other")
    await commit(talk, 5)
    await commit(talk, 6, topic="other")
    await reader(talk, "t")

    assert codes(await delete(talk, 0)) == {0: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC}
    assert codes(await delete(talk, 0, topic="other")) == {0: ErrorCode.NONE}
    assert await committed(talk) == {0: 5}


async def test_members_whose_subscription_cannot_be_read_keep_everything(talk: Any) -> None:
    await commit(talk, 5)
    await talk.broker.handle(
        JoinGroupRequest(
            group_id="g",
            session_timeout_ms=9_000,
            protocols=[JoinGroupProtocol(name="range", metadata=b"\x00")],
        )
    )

    assert codes(await delete(talk, 0)) == {0: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC}


async def test_what_an_open_transaction_commits_is_left_to_it(talk: Any) -> None:
    await commit(talk, 5)
    live = talk.broker.groups.get("g")
    held = {TopicPartition("t", 0): CommittedOffset(9, -1, "", 0, record_offset=99)}
    live.offsets.hold(7, held)

    assert codes(await delete(talk, 0)) == {0: ErrorCode.UNSTABLE_OFFSET_COMMIT}
    live.offsets.resolve(7, is_committed=True)
    assert await committed(talk) == {0: 9}
    assert codes(await delete(talk, 0)) == {0: ErrorCode.NONE}


async def test_a_working_group_loses_old_offsets_of_topics_it_no_longer_reads(
    talk: Any, open_broker: Any
) -> None:
    await talk.create("other")
    await commit(talk, 5)
    await commit(talk, 6, topic="other")
    await reader(talk, "t")
    talk.clock.jump_wall(WEEK_MS + 1)

    await talk.clock.advance(300_001)

    assert await committed(talk) == {0: 5}
    assert not talk.broker.groups.get("g").offsets.knows(TopicPartition("other", 0))
    await talk.broker.abandon()
    assert not (await open_broker()).broker.groups.get("g").offsets.knows(TopicPartition("other", 0))


class TestExpired:
    OLD = TopicPartition("t", 0)
    YOUNG = TopicPartition("t", 1)
    ELSEWHERE = TopicPartition("other", 0)

    def offsets(self) -> GroupOffsets:
        offsets = GroupOffsets()
        for partition, committed_ms in ((self.OLD, 10), (self.YOUNG, 90), (self.ELSEWHERE, 10)):
            offsets.load(partition, CommittedOffset(1, -1, "", committed_ms, record_offset=1))
        return offsets

    def group(self, state: GroupState, **changes: Any) -> Group:
        subscription = ConsumerProtocolMemberMetadata(0, ["t"]).encode()
        member = Member(
            member_id="m",
            session_timeout_ms=1,
            rebalance_timeout_ms=1,
            protocols=(("range", subscription),),
        )
        fields: dict[str, Any] = {
            "group_id": "g",
            "state": state,
            "protocol_type": "consumer",
            "protocol_name": "range",
            "members": {} if state is GroupState.EMPTY else {"m": member},
            "state_since_ms": 10,
        }
        return Group(**{**fields, **changes})

    @pytest.mark.parametrize(
        ("state", "changes", "gone"),
        [
            (GroupState.EMPTY, {}, {OLD, ELSEWHERE}),
            (GroupState.EMPTY, {"state_since_ms": 60}, set()),
            (GroupState.EMPTY, {"state_since_ms": -1, "protocol_type": None}, {OLD, ELSEWHERE}),
            (GroupState.STABLE, {}, {ELSEWHERE}),
            (GroupState.STABLE, {"protocol_type": "connect"}, set()),
            (GroupState.PREPARING_REBALANCE, {}, set()),
            (GroupState.COMPLETING_REBALANCE, {}, set()),
            (GroupState.DEAD, {}, set()),
        ],
    )
    def test_by_state(self, state: GroupState, changes: dict[str, Any], gone: set[TopicPartition]) -> None:
        assert set(expired(self.group(state, **changes), self.offsets(), 50)) == gone

    def test_what_an_open_transaction_may_commit_is_not_old(self) -> None:
        offsets = self.offsets()
        offsets.hold(7, {self.OLD: CommittedOffset(2, -1, "", 10, record_offset=2)})

        assert expired(self.group(GroupState.EMPTY), offsets, 50) == [self.ELSEWHERE]
