"""A group against a simple model: members that come, go, fall silent, come back as zombies or under their
instance's name, and crashes.

In one generation a partition has one owner; generations never go back; a committed offset changes only by a
commit that was taken, and only members of the present generation may commit. A heartbeat that may wait is
answered as soon as one that may not would be told something, and not before.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
)
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest, SyncGroupResponse
from streamz_core.testing.manual_clock import ManualClock

PARTITIONS = 4
SESSION_MS = 3_000
REBALANCE_MS = 6_000
HELD_MS = 1_000
INSTANCES = (None, None, "one", "two")
"""Which of the four consumers are static."""


@dataclass
class Consumer:
    """A consumer as it sees itself; it may be wrong."""

    instance_id: str | None = None
    member_id: str = ""
    generation_id: int = -1
    joining: asyncio.Task[JoinGroupResponse] | None = None
    joined: JoinGroupResponse | None = None
    syncing: asyncio.Task[SyncGroupResponse] | None = None
    beating: asyncio.Task[HeartbeatResponse] | None = None

    @property
    def name(self) -> str:
        """Who owns its partitions: a static member's place outlives its member id."""
        return self.instance_id or self.member_id


class GroupMachine(RuleBasedStateMachine):
    """Four consumers of one group; every step may be any of them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.files = MemoryFiles()
        self.broker = self._run(Broker.open(self.files, "/data", self.clock))
        topics = [CreatableTopic(name="t", num_partitions=PARTITIONS)]
        self._run(self.broker.handle(CreateTopicsRequest(topics=topics)))
        self.consumers = [Consumer(instance_id) for instance_id in INSTANCES]
        self.owners: dict[int, dict[int, str]] = {}
        self.highest_generation = 0
        self.committed: dict[int, int] = {}
        self.offsets = iter(range(10**9))

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def _settle(self) -> None:
        self._run(self.clock.settle())
        for consumer in self.consumers:
            self._take_join(consumer)
            self._take_sync(consumer)

    def teardown(self) -> None:
        self._run(self._end())
        self.runner.close()

    async def _end(self) -> None:
        await self.broker.close()
        tasks = [t for c in self.consumers for t in (c.joining, c.syncing, c.beating) if t is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> Any:
        async def spawn() -> Any:
            return asyncio.create_task(work)

        return self._run(spawn())

    def _take_join(self, consumer: Consumer) -> None:
        if consumer.joining is None or not consumer.joining.done():
            return
        response, consumer.joining = consumer.joining.result(), None
        if response.error_code is not ErrorCode.NONE:
            consumer.member_id, consumer.generation_id = "", -1
            return
        assert response.generation_id >= self.highest_generation
        self.highest_generation = response.generation_id
        consumer.member_id, consumer.generation_id = response.member_id, response.generation_id
        consumer.joined = response

    def _take_sync(self, consumer: Consumer) -> None:
        if consumer.syncing is None or not consumer.syncing.done():
            return
        response, consumer.syncing = consumer.syncing.result(), None
        if response.error_code is not ErrorCode.NONE:
            return
        assert consumer.joined is not None
        owners = self.owners.setdefault(consumer.joined.generation_id, {})
        for partition in response.assignment:
            assert owners.setdefault(partition, consumer.name) == consumer.name

    @rule(which=integers(0, 3))
    def join(self, which: int) -> None:
        consumer = self.consumers[which]
        if consumer.joining is not None or consumer.syncing is not None:
            return
        request = JoinGroupRequest(
            group_id="g",
            member_id=consumer.member_id,
            group_instance_id=consumer.instance_id,
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            protocols=[JoinGroupProtocol(name="range", metadata=b"")],
        )
        consumer.joining = self._spawn(self.broker.handle(request))
        self._settle()

    @rule(which=integers(0, 3))
    def sync(self, which: int) -> None:
        """The leader shares the partitions out; everybody fetches its part."""
        consumer = self.consumers[which]
        if consumer.joined is None or consumer.syncing is not None or consumer.joining is not None:
            return
        shares: list[list[int]] = [[] for _ in consumer.joined.members]
        for partition in range(PARTITIONS if shares else 0):
            shares[partition % len(shares)].append(partition)
        request = SyncGroupRequest(
            group_id="g",
            generation_id=consumer.joined.generation_id,
            member_id=consumer.member_id,
            group_instance_id=consumer.instance_id,
            assignments=[
                SyncGroupAssignment(member_id=member.member_id, assignment=bytes(share))
                for member, share in zip(consumer.joined.members, shares, strict=True)
            ],
        )
        consumer.syncing = self._spawn(self.broker.handle(request))
        self._settle()

    @rule(which=integers(0, 3))
    def give_up(self, which: int) -> None:
        """The task that waits is cancelled: its consumer is gone without a word."""
        consumer = self.consumers[which]
        for task in (consumer.joining, consumer.syncing, consumer.beating):
            if task is not None:
                task.cancel()
        self._run(self.clock.settle())
        self.consumers[which] = Consumer(consumer.instance_id, consumer.member_id, consumer.generation_id)

    @rule(which=integers(2, 3))
    def start_again(self, which: int) -> None:
        """A static consumer forgets who it was and comes back under its instance's name."""
        self.give_up(which)
        self.consumers[which] = Consumer(INSTANCES[which])
        self.join(which)

    @rule(which=integers(0, 3))
    def leave(self, which: int) -> None:
        consumer = self.consumers[which]
        members = [MemberIdentity(member_id=consumer.member_id)]
        self._run(self.broker.handle(LeaveGroupRequest(group_id="g", members=members)))
        self._settle()

    @rule(which=integers(0, 3))
    def beat(self, which: int) -> None:
        consumer = self.consumers[which]
        if self._told(consumer) is ErrorCode.NONE:
            assert consumer.generation_id == self.highest_generation

    @rule(which=integers(0, 3))
    def beat_and_wait(self, which: int) -> None:
        consumer = self.consumers[which]
        if consumer.beating is None:
            consumer.beating = self._spawn(self.broker.handle(self._heartbeat(consumer, HELD_MS)))
            self._settle()

    def _heartbeat(self, consumer: Consumer, max_wait_ms: int = 0) -> HeartbeatRequest:
        return HeartbeatRequest(
            group_id="g",
            member_id=consumer.member_id,
            generation_id=consumer.generation_id,
            group_instance_id=consumer.instance_id,
            max_wait_ms=max_wait_ms,
        )

    def _told(self, consumer: Consumer) -> ErrorCode:
        response: HeartbeatResponse = self._run(self.broker.handle(self._heartbeat(consumer)))
        return response.error_code

    @invariant()
    def heartbeats_wait_only_while_there_is_nothing_to_tell(self) -> None:
        for consumer in self.consumers:
            if consumer.beating is None:
                continue
            if consumer.beating.done():
                consumer.beating = None
            else:
                assert self._told(consumer) is ErrorCode.NONE

    @rule(by_ms=integers(1, 2 * SESSION_MS))
    def time_passes(self, by_ms: int) -> None:
        self._run(self.clock.advance(by_ms))
        self._settle()

    @rule(is_clean=booleans())
    def restart(self, is_clean: bool) -> None:
        self._run(self.broker.close() if is_clean else self.broker.abandon())
        self._settle()
        self.broker = self._run(Broker.open(self.files, "/data", self.clock))

    @rule(which=integers(0, 3), partition=integers(0, PARTITIONS - 1))
    def commit(self, which: int, partition: int) -> None:
        """Taken from members of the present generation, whatever else they believe."""
        consumer = self.consumers[which]
        if not consumer.member_id:
            return
        code, offset = self._commit(partition, consumer, consumer.generation_id)
        if code is ErrorCode.NONE:
            assert consumer.generation_id == self.highest_generation
            assert consumer.member_id in self._members()
            self.committed[partition] = offset

    @rule(partition=integers(0, PARTITIONS - 1), back=integers(1, 3))
    def commit_as_a_zombie(self, partition: int, back: int) -> None:
        for consumer in self.consumers:
            if consumer.member_id:
                code, _ = self._commit(partition, consumer, consumer.generation_id - back)
                assert code is not ErrorCode.NONE

    @rule(partition=integers(0, PARTITIONS - 1))
    def commit_without_a_group(self, partition: int) -> None:
        is_empty = not self._members()
        code, offset = self._commit(partition, Consumer(), -1)
        if is_empty:
            assert code is ErrorCode.NONE
            self.committed[partition] = offset
        else:
            assert code is ErrorCode.UNKNOWN_MEMBER_ID

    def _commit(self, partition: int, consumer: Consumer, generation_id: int) -> tuple[ErrorCode, int]:
        offset = next(self.offsets)
        where = [OffsetCommitPartition(partition_index=partition, committed_offset=offset)]
        request = OffsetCommitRequest(
            group_id="g",
            member_id=consumer.member_id,
            group_instance_id=consumer.instance_id,
            generation_id_or_member_epoch=generation_id,
            topics=[OffsetCommitTopic(name="t", partitions=where)],
        )
        response = self._run(self.broker.handle(request))
        return response.topics[0].partitions[0].error_code, offset

    def _members(self) -> set[str]:
        described = self._run(self.broker.handle(DescribeGroupsRequest(groups=["g"]))).groups[0]
        return {member.member_id for member in described.members}

    @precondition(lambda self: self.committed)
    @invariant()
    def offsets_are_those_committed_last(self) -> None:
        response = self._run(self.broker.handle(OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g")])))
        (group,) = response.groups
        found = {p.partition_index: p.committed_offset for topic in group.topics for p in topic.partitions}
        assert found == self.committed


GroupMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestGroups(GroupMachine.TestCase):  # type: ignore[misc, valid-type]
    """Run by pytest."""
