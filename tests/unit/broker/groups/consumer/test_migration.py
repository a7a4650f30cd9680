"""Groups whose members are restarted one by one with the other group protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from streamz_core.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    DescribedConsumerGroup,
    MemberType,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    ConsumerGroupTopicPartitions,
)
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest

REBALANCE = ErrorCode.REBALANCE_IN_PROGRESS


class Classic:
    """A member of the classic protocol that gives everything up before it joins again."""

    def __init__(self, talk: Any, instance_id: str | None = None) -> None:
        self.broker = talk.broker
        self.instance_id = instance_id
        self.member_id = ""
        self.generation = -1

    async def join(self, *, topics: tuple[str, ...] = ("t",), **fields: Any) -> JoinGroupResponse:
        subscription = ConsumerProtocolMemberMetadata(version=1, subscription=topics).encode()
        given: dict[str, Any] = {"protocols": [JoinGroupProtocol(name="range", metadata=subscription)]}
        joined: JoinGroupResponse = await self.broker.handle(
            JoinGroupRequest(
                group_id="g",
                member_id=self.member_id,
                group_instance_id=self.instance_id,
                session_timeout_ms=10_000,
                rebalance_timeout_ms=30_000,
                client_host="h",
                **{**given, **fields},
            )
        )
        self.member_id = joined.member_id or self.member_id
        self.generation = joined.generation_id
        return joined

    async def sync(self, **assigned: list[int]) -> list[int]:
        """What it is assigned; a leader says what everybody is (by member id)."""
        response = await self.broker.handle(
            SyncGroupRequest(
                group_id="g",
                generation_id=self.generation,
                member_id=self.member_id,
                group_instance_id=self.instance_id,
                assignments=[
                    SyncGroupAssignment(
                        member_id=member_id,
                        assignment=ConsumerProtocolMemberAssignment(assignment=[("t", numbers)]).encode(),
                    )
                    for member_id, numbers in assigned.items()
                ],
            )
        )
        assert response.error_code is ErrorCode.NONE, response
        found = ConsumerProtocolMemberAssignment.decode(response.assignment).partitions()
        return sorted(one.partition for one in found)

    async def rejoin(self) -> list[int]:
        """Join until there is nothing more to join for."""
        while True:
            joined = await self.join()
            assert joined.error_code is ErrorCode.NONE
            partitions = await self.sync()
            if await self.beat() is ErrorCode.NONE:
                return partitions

    async def beat(self, max_wait_ms: int = 0) -> ErrorCode:
        request = HeartbeatRequest(
            group_id="g",
            generation_id=self.generation,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            max_wait_ms=max_wait_ms,
        )
        code: ErrorCode = (await self.broker.handle(request)).error_code
        return code

    async def leave(self) -> ErrorCode:
        identity = MemberIdentity(member_id=self.member_id, group_instance_id=self.instance_id)
        left = await self.broker.handle(LeaveGroupRequest(group_id="g", members=[identity]))
        code: ErrorCode = left.error_code or left.members[0].error_code
        return code


class Consumer:
    """A member of the consumer protocol."""

    def __init__(self, talk: Any, member_id: str = "c", instance_id: str | None = None) -> None:
        self.broker = talk.broker
        self.member_id = member_id
        self.instance_id = instance_id
        self.epoch = 0
        self.partitions: list[int] = []

    async def ask(self, epoch: int, **fields: Any) -> ConsumerGroupHeartbeatResponse:
        answer: ConsumerGroupHeartbeatResponse = await self.broker.handle(
            ConsumerGroupHeartbeatRequest(
                group_id="g",
                member_id=self.member_id,
                instance_id=self.instance_id,
                member_epoch=epoch,
                client_host="h",
                **fields,
            )
        )
        if answer.error_code is ErrorCode.NONE:
            self.epoch = answer.member_epoch
            if answer.assignment is not None:
                topics = answer.assignment.topic_partitions
                self.partitions = sorted(number for topic in topics for number in topic.partitions)
        return answer

    async def join(self) -> ConsumerGroupHeartbeatResponse:
        return await self.ask(
            0, rebalance_timeout_ms=30_000, subscribed_topic_names=["t"], topic_partitions=[]
        )

    async def beat(self) -> list[int]:
        topic_id = self.broker.directory.topics["t"].topic_id
        owned = [ConsumerGroupTopicPartitions(topic_id=topic_id, partitions=self.partitions)]
        assert (await self.ask(self.epoch, topic_partitions=owned)).error_code is ErrorCode.NONE
        return self.partitions


async def kinds(talk: Any) -> list[tuple[str, str]]:
    groups = (await talk.broker.handle(ListGroupsRequest())).groups
    return [(group.group_type, group.group_state) for group in groups]


async def described(talk: Any) -> DescribedConsumerGroup:
    (found,) = (await talk.broker.handle(ConsumerGroupDescribeRequest(group_ids=["g"]))).groups
    return found  # type: ignore[no-any-return]


@pytest.fixture
async def pair(talk: Any) -> tuple[Classic, Classic]:
    """A stable classic group of two, with a partition each."""
    first, second = Classic(talk), Classic(talk)
    await first.join()
    joining = asyncio.create_task(second.join())
    await talk.clock.settle()
    assert await first.beat() is REBALANCE
    await first.join()
    await joining
    syncing = asyncio.create_task(second.sync())
    await first.sync(**{first.member_id: [0], second.member_id: [1]})
    assert await syncing == [1]
    return first, second


async def test_members_are_restarted_one_by_one(talk: Any, pair: tuple[Classic, Classic]) -> None:
    first, second = pair
    new = Consumer(talk)

    await new.join()
    assert new.partitions == []
    assert await kinds(talk) == [("consumer", "Reconciling")]
    assert {m.member_type for m in (await described(talk)).members} == {
        MemberType.CLASSIC,
        MemberType.CONSUMER,
    }
    for member in pair:
        assert await member.beat() is REBALANCE
    assert sorted(await first.rejoin() + await second.rejoin() + await new.beat()) == [0, 1]

    assert await first.leave() is ErrorCode.NONE
    assert sorted(await second.rejoin() + await new.beat()) == [0, 1]
    assert await second.leave() is ErrorCode.NONE
    assert await new.beat() == [0, 1]
    assert await kinds(talk) == [("consumer", "Stable")]


async def test_the_way_back(talk: Any, pair: tuple[Classic, Classic], open_broker: Any) -> None:
    first, second = pair
    new = Consumer(talk)
    await new.join()
    await first.rejoin()
    await second.rejoin()

    await new.ask(-1)

    assert await kinds(talk) == [("classic", "PreparingRebalance")]
    assert await first.beat() is REBALANCE
    joining = asyncio.create_task(first.join())
    await talk.clock.settle()
    assert (await second.join()).error_code is ErrorCode.NONE
    joined = await joining
    leader, follower = (first, second) if joined.leader == first.member_id else (second, first)
    syncing = asyncio.create_task(follower.sync())
    assert await leader.sync(**{leader.member_id: [0, 1]}) == [0, 1]
    assert await syncing == []
    await talk.broker.abandon()
    assert await kinds(await open_broker()) == [("classic", "Stable")]


async def test_a_lost_member_of_the_consumer_protocol_leaves_the_group_to_the_others(
    talk: Any, pair: tuple[Classic, Classic]
) -> None:
    new = Consumer(talk)
    await new.join()
    for _ in range(5):
        for member in pair:
            await member.rejoin()
        await talk.clock.advance(9_001)

    assert await kinds(talk) == [("classic", "PreparingRebalance")]
    assert await pair[0].beat() is REBALANCE


async def test_classic_members_are_missed_by_their_own_timeouts(
    talk: Any, pair: tuple[Classic, Classic]
) -> None:
    new = Consumer(talk)
    await new.join()
    first, second = pair
    await first.rejoin()
    assert await second.beat() is REBALANCE
    for _ in range(4):  # it says that it lives, and does not join again
        await talk.clock.advance(8_000)
        await second.beat()
        await first.rejoin()
        await new.beat()
    assert [m.member_id for m in (await described(talk)).members] == [first.member_id, "c"]

    await talk.clock.advance(10_001)
    await new.beat()

    assert [m.member_id for m in (await described(talk)).members] == ["c"]
    assert await new.beat() == [0, 1]


async def test_mixed_groups_are_there_after_a_restart(
    talk: Any, pair: tuple[Classic, Classic], open_broker: Any
) -> None:
    new = Consumer(talk)
    await new.join()
    first, _ = pair
    assigned = await first.rejoin()
    before = await described(talk)
    await talk.broker.abandon()

    again = await open_broker()
    first.broker = again.broker

    assert await described(again) == before
    assert await first.sync() == assigned


async def test_static_members_are_restarted_with_the_new_protocol(talk: Any) -> None:
    old = Classic(talk, "i")
    await old.join()
    await old.sync(**{old.member_id: [0, 1]})
    new = Consumer(talk, instance_id="i")

    await new.join()

    assert new.partitions == [0, 1]
    assert await old.beat() is ErrorCode.FENCED_INSTANCE_ID
    back = Classic(talk, "i")
    assert (await back.join()).error_code is ErrorCode.NONE
    assert await kinds(talk) == [("classic", "PreparingRebalance")]


async def test_classic_members_join_by_the_rules_of_their_protocol(talk: Any) -> None:
    await Consumer(talk).join()
    foreign, strange, shy, other = (Classic(talk) for _ in range(4))

    refused = await foreign.join(protocol_type="connect")
    malformed = await strange.join(protocols=[JoinGroupProtocol(name="range", metadata=b"")])
    asked = await shy.join(requires_known_member_id=True)
    taken = await shy.join(requires_known_member_id=True)
    unlike = await other.join(
        protocols=[JoinGroupProtocol(name="mine", metadata=ConsumerProtocolMemberMetadata().encode())]
    )

    assert refused.error_code is malformed.error_code is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert (asked.error_code, taken.error_code) == (ErrorCode.MEMBER_ID_REQUIRED, ErrorCode.NONE)
    assert unlike.error_code is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    shy.generation += 1
    assert await shy.beat() is ErrorCode.ILLEGAL_GENERATION


async def test_commits_of_classic_members_are_fenced_by_their_generation(
    talk: Any, pair: tuple[Classic, Classic]
) -> None:
    await talk.produce("t", b"a")
    await Consumer(talk).join()
    first, _ = pair

    async def commit(generation: int) -> ErrorCode:
        partition = OffsetCommitPartition(partition_index=0, committed_offset=1)
        request = OffsetCommitRequest(
            group_id="g",
            member_id=first.member_id,
            generation_id_or_member_epoch=generation,
            topics=[OffsetCommitTopic(name="t", partitions=[partition])],
        )
        code: ErrorCode = (await talk.broker.handle(request)).topics[0].partitions[0].error_code
        return code

    assert await commit(first.generation) is ErrorCode.NONE
    assert await commit(first.generation + 1) is ErrorCode.ILLEGAL_GENERATION


async def test_a_heartbeat_that_waited_while_its_group_turned_changes_nothing(
    talk: Any, pair: tuple[Classic, Classic]
) -> None:
    new = Consumer(talk)
    await new.join()
    first, _ = pair
    await first.rejoin()

    waiting = asyncio.create_task(first.beat(max_wait_ms=60_000))
    await talk.clock.settle()
    await new.ask(-1)
    await talk.clock.advance(1_000)

    assert await waiting is REBALANCE
    assert await kinds(talk) == [("classic", "PreparingRebalance")]


async def test_heartbeats_that_may_wait_are_not_answered_at_once(
    talk: Any, pair: tuple[Classic, Classic]
) -> None:
    await Consumer(talk).join()
    first, _ = pair
    await first.rejoin()

    waiting = asyncio.create_task(first.beat(max_wait_ms=60_000))
    await talk.clock.settle()
    assert not waiting.done()
    await talk.clock.advance(1_000)

    assert await waiting is ErrorCode.NONE
