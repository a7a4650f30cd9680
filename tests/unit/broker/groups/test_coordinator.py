"""Groups in a broker: what waits, what is stored, what is there after a restart."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.broker.groups.forgetting import forget_old
from streamz_core.broker.internal_topics import OFFSETS_TOPIC
from streamz_core.errors import ErrorCode
from streamz_core.log.files import DiskFiles
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from streamz_core.protocol.messages.describe_groups import DescribedGroup, DescribeGroupsRequest
from streamz_core.protocol.messages.find_coordinator import CoordinatorType, FindCoordinatorRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
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
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest, SyncGroupResponse
from streamz_core.testing.faulty_files import FAULTS, Fault, FaultyFiles
from streamz_core.testing.manual_clock import ManualClock


class Members:
    """Group requests to one broker, in few words."""

    def __init__(self, broker: Broker, clock: ManualClock) -> None:
        self.broker = broker
        self.clock = clock

    async def join(self, member_id: str = "", group_id: str = "g", **changes: Any) -> JoinGroupResponse:
        fields: dict[str, Any] = {
            "session_timeout_ms": 10_000,
            "rebalance_timeout_ms": 30_000,
            "protocols": [JoinGroupProtocol(name="range", metadata=b"t")],
        }
        request = JoinGroupRequest(group_id=group_id, member_id=member_id, **{**fields, **changes})
        return await self.broker.handle(request)

    async def sync(self, joined: JoinGroupResponse, group_id: str = "g") -> SyncGroupResponse:
        assignments = [
            SyncGroupAssignment(member_id=m.member_id, assignment=m.member_id.encode())
            for m in joined.members
        ]
        return await self.broker.handle(
            SyncGroupRequest(
                group_id=group_id,
                generation_id=joined.generation_id,
                member_id=joined.member_id,
                assignments=assignments,
            )
        )

    async def member(self, group_id: str = "g", **changes: Any) -> JoinGroupResponse:
        """A stable group with one member."""
        joined = await self.join(group_id=group_id, **changes)
        await self.sync(joined, group_id)
        return joined

    async def beat(self, member_id: str, generation_id: int, group_id: str = "g") -> ErrorCode:
        request = HeartbeatRequest(group_id=group_id, generation_id=generation_id, member_id=member_id)
        return (await self.broker.handle(request)).error_code

    async def leave(self, *member_ids: str, group_id: str = "g") -> list[ErrorCode]:
        members = [MemberIdentity(member_id=member_id) for member_id in member_ids]
        response = await self.broker.handle(LeaveGroupRequest(group_id=group_id, members=members))
        return [member.error_code for member in response.members] or [response.error_code]

    async def commit(
        self, offset: int, member_id: str = "", generation_id: int = -1, group_id: str = "g", **where: Any
    ) -> ErrorCode:
        partition = OffsetCommitPartition(
            partition_index=where.get("partition", 0),
            committed_offset=offset,
            committed_metadata=where.get("metadata"),
        )
        request = OffsetCommitRequest(
            group_id=group_id,
            generation_id_or_member_epoch=generation_id,
            member_id=member_id,
            topics=[OffsetCommitTopic(name=where.get("topic", "t"), partitions=[partition])],
        )
        return (await self.broker.handle(request)).topics[0].partitions[0].error_code

    async def committed(self, group_id: str = "g") -> dict[tuple[str, int], int]:
        asked = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id=group_id)])
        (found,) = (await self.broker.handle(asked)).groups
        assert found.error_code is ErrorCode.NONE
        return {
            (topic.name, p.partition_index): p.committed_offset
            for topic in found.topics
            for p in topic.partitions
        }

    async def described(self, group_id: str = "g") -> DescribedGroup:
        return (await self.broker.handle(DescribeGroupsRequest(groups=[group_id]))).groups[0]

    async def listed(self, *states: str) -> dict[str, str]:
        response = await self.broker.handle(ListGroupsRequest(states_filter=states))
        return {group.group_id: group.group_state for group in response.groups}

    async def delete(self, group_id: str = "g") -> ErrorCode:
        return (await self.broker.handle(DeleteGroupsRequest(groups_names=[group_id]))).results[0].error_code


@pytest.fixture
def members(talk: Any) -> Members:
    return Members(talk.broker, talk.clock)


@pytest.fixture
def restarted(open_broker: Any) -> Any:
    """The broker after a crash (or a clean stop)."""

    async def restart(members: Members, *, cleanly: bool = False) -> Members:
        await (members.broker.close() if cleanly else members.broker.abandon())
        talk = await open_broker()
        return Members(talk.broker, talk.clock)

    return restart


async def test_members_share_a_generation(members: Members) -> None:
    first = await members.member()
    assert await members.beat(first.member_id, 1) is ErrorCode.NONE

    second = asyncio.create_task(members.join())
    await members.clock.settle()
    assert await members.beat(first.member_id, 1) is ErrorCode.REBALANCE_IN_PROGRESS
    again = await members.join(first.member_id)
    joined = await second

    assert again.generation_id == joined.generation_id == 2
    assert {m.member_id for m in again.members} == {first.member_id, joined.member_id}
    waiting = asyncio.create_task(members.sync(joined))
    assert (await members.sync(again)).assignment == first.member_id.encode()
    assert (await waiting).assignment == joined.member_id.encode()
    described = await members.described()
    assert described.group_state == "Stable"
    assert [m.member_assignment.decode() for m in described.members] == [
        m.member_id for m in described.members
    ]


async def test_a_silent_member_loses_its_partitions(members: Members) -> None:
    first = await members.member()
    await members.clock.advance(9_999)
    assert await members.beat(first.member_id, 1) is ErrorCode.NONE
    await members.clock.advance(9_999)
    assert (await members.described()).group_state == "Stable"

    await members.clock.advance(1)

    assert (await members.described()).group_state == "Empty"
    assert await members.beat(first.member_id, 1) is ErrorCode.UNKNOWN_MEMBER_ID


async def test_the_wall_clock_expires_nobody(members: Members) -> None:
    first = await members.member()

    members.clock.jump_wall(10**9)
    await members.clock.advance(9_000)

    assert await members.beat(first.member_id, 1) is ErrorCode.NONE


async def test_a_commit_is_a_sign_of_life(members: Members) -> None:
    first = await members.member()
    await members.clock.advance(9_000)
    assert await members.commit(1, first.member_id, 1) is ErrorCode.NONE
    await members.clock.advance(9_000)

    assert await members.beat(first.member_id, 1) is ErrorCode.NONE


async def test_a_member_that_waits_for_the_others_needs_no_heartbeat(members: Members) -> None:
    first = await members.member(session_timeout_ms=60_000, rebalance_timeout_ms=50_000)
    second = asyncio.create_task(members.join(session_timeout_ms=1_000))
    await members.clock.advance(40_000)
    assert not second.done()

    assert (await members.join(first.member_id, session_timeout_ms=60_000)).error_code is ErrorCode.NONE
    assert (await second).error_code is ErrorCode.NONE


async def test_a_join_that_is_given_up_leaves_no_ghost(members: Members) -> None:
    first = await members.member(session_timeout_ms=60_000, rebalance_timeout_ms=50_000)
    second = asyncio.create_task(members.join(session_timeout_ms=1_000))
    await members.clock.settle()
    second.cancel()
    rejoined = asyncio.create_task(members.join(first.member_id, session_timeout_ms=60_000))

    await members.clock.advance(1_000)
    await rejoined
    await members.clock.advance(1_000)

    assert [m.member_id for m in (await members.described()).members] == [first.member_id]


async def test_ten_members_rebalance_together(members: Members) -> None:
    joining = [asyncio.create_task(members.join()) for _ in range(10)]
    await members.clock.settle()
    ids = {m.member_id for m in (await members.described()).members}
    (early,) = [task.result() for task in joining if task.done()]
    again = await members.join(early.member_id)
    joined = [response for response in await asyncio.gather(*joining) if response is not early]
    joined.append(again)
    assert len(ids) == 10

    synced = await asyncio.gather(*(members.sync(response) for response in joined))

    assert {s.assignment.decode() for s in synced} == ids


async def test_committed_offsets_are_there_after_a_crash(members: Members, restarted: Any) -> None:
    assert await members.commit(5) is ErrorCode.NONE
    assert await members.commit(7, partition=1, metadata="note") is ErrorCode.NONE
    assert await members.commit(6) is ErrorCode.NONE

    again = await restarted(members)

    assert await again.committed() == {("t", 0): 6, ("t", 1): 7}
    assert await again.listed() == {"g": "Empty"}
    topics = [OffsetFetchTopic(name="t", partition_indexes=[1, 9])]
    asked = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g", topics=topics)])
    found, unknown = (await again.broker.handle(asked)).groups[0].topics[0].partitions
    assert (found.committed_offset, found.metadata) == (7, "note")
    assert (unknown.committed_offset, unknown.error_code) == (-1, ErrorCode.NONE)


async def test_members_of_the_ended_process_do_not_hold_up_the_next(members: Members, restarted: Any) -> None:
    first = await members.member()
    await members.commit(5, first.member_id, 1)

    again = await restarted(members)
    joined = await asyncio.wait_for(again.join(), 1)

    assert joined.generation_id > 1
    assert await again.committed() == {("t", 0): 5}
    assert await again.commit(4, first.member_id, 1) is ErrorCode.UNKNOWN_MEMBER_ID


async def test_members_on_a_connection_go_on_after_a_restart(members: Members, restarted: Any) -> None:
    first = await members.member(client_host="/10.0.0.1")

    again = await restarted(members)

    assert await again.beat(first.member_id, 1) is ErrorCode.NONE
    assert await again.commit(5, first.member_id, 1) is ErrorCode.NONE
    await again.clock.advance(10_000)
    assert await again.beat(first.member_id, 1) is ErrorCode.UNKNOWN_MEMBER_ID


async def test_members_of_both_kinds_are_told_apart_after_a_restart(members: Members, restarted: Any) -> None:
    first = await members.member(client_host="/10.0.0.1")
    local = asyncio.create_task(members.join())
    await members.clock.settle()
    again = await members.join(first.member_id, client_host="/10.0.0.1")
    waiting = asyncio.create_task(members.sync(again))
    await members.sync(await local)
    await waiting

    after = await restarted(members)

    assert [m.member_id for m in (await after.described()).members] == [first.member_id]
    assert await after.beat(first.member_id, 2) is ErrorCode.REBALANCE_IN_PROGRESS
    assert (await after.join(first.member_id)).generation_id == 3


async def test_generations_never_go_back(members: Members, restarted: Any) -> None:
    highest = 0
    for cleanly in (True, False, True):
        joined = await members.member()
        assert joined.generation_id > highest
        highest = joined.generation_id
        members = await restarted(members, cleanly=cleanly)


async def test_zombies_cannot_commit(members: Members) -> None:
    first = await members.member()
    assert await members.commit(9, "nobody", 1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert await members.commit(9, first.member_id, 7) is ErrorCode.ILLEGAL_GENERATION
    assert await members.commit(9) is ErrorCode.UNKNOWN_MEMBER_ID
    assert await members.commit(9, "m", 1, group_id="none") is ErrorCode.ILLEGAL_GENERATION
    assert await members.commit(9, "m", -1, group_id="none") is ErrorCode.UNKNOWN_MEMBER_ID

    assert await members.committed() == {}
    assert await members.listed() == {"g": "Stable"}


async def test_what_cannot_be_committed_is_refused_alone(members: Members) -> None:
    partitions = [
        OffsetCommitPartition(partition_index=0, committed_offset=3),
        OffsetCommitPartition(partition_index=1, committed_offset=3, committed_metadata="x" * 5_000),
        OffsetCommitPartition(partition_index=9, committed_offset=3),
    ]
    request = OffsetCommitRequest(group_id="g", topics=[OffsetCommitTopic(name="t", partitions=partitions)])

    response = await members.broker.handle(request)

    assert [p.error_code for p in response.topics[0].partitions] == [
        ErrorCode.NONE,
        ErrorCode.OFFSET_METADATA_TOO_LARGE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert await members.committed() == {("t", 0): 3}


async def test_nameless_groups_are_refused(members: Members) -> None:
    assert (await members.join(group_id="")).error_code is ErrorCode.INVALID_GROUP_ID
    assert await members.commit(1, group_id="") is ErrorCode.INVALID_GROUP_ID
    assert await members.beat("m", 1, group_id="") is ErrorCode.INVALID_GROUP_ID
    assert await members.leave("m", group_id="x" * 40_000) == [ErrorCode.INVALID_GROUP_ID]
    assert await members.delete("\ud800") is ErrorCode.INVALID_GROUP_ID
    (found,) = (
        await members.broker.handle(OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="")]))
    ).groups
    assert found.error_code is ErrorCode.INVALID_GROUP_ID


@pytest.mark.parametrize("changes", [{"client_id": "\ud800"}, {"group_instance_id": "x" * 40_000}])
async def test_names_that_cannot_be_stored_are_refused(members: Members, changes: dict[str, Any]) -> None:
    assert (await members.join(**changes)).error_code is ErrorCode.INVALID_REQUEST
    assert await members.commit(1, metadata="\ud800") is ErrorCode.OFFSET_METADATA_TOO_LARGE
    assert await members.listed() == {}


async def test_asking_about_groups_creates_none(members: Members) -> None:
    assert (await members.join("someone")).error_code is ErrorCode.UNKNOWN_MEMBER_ID
    assert (await members.join(session_timeout_ms=-1)).error_code is ErrorCode.INVALID_SESSION_TIMEOUT
    assert await members.beat("m", 1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert await members.leave("m") == [ErrorCode.UNKNOWN_MEMBER_ID]
    joined = JoinGroupResponse(generation_id=1, member_id="m", members=[])
    assert (await members.sync(joined)).error_code is ErrorCode.UNKNOWN_MEMBER_ID
    assert await members.committed() == {}
    assert (await members.described()).group_state == "Dead"

    assert await members.listed() == {}
    assert members.broker.directory.topics.keys() == {"t"}


async def test_groups_are_listed_by_state(members: Members) -> None:
    await members.member()
    await members.commit(1, group_id="simple")

    assert await members.listed() == {"g": "Stable", "simple": "Empty"}
    assert await members.listed("empty") == {"simple": "Empty"}


async def test_a_deleted_group_is_gone_for_good(members: Members, restarted: Any) -> None:
    first = await members.member()
    await members.commit(5, first.member_id, 1)
    assert await members.delete() is ErrorCode.NON_EMPTY_GROUP
    assert await members.leave(first.member_id) == [ErrorCode.NONE]

    assert await members.delete() is ErrorCode.NONE
    assert await members.delete() is ErrorCode.GROUP_ID_NOT_FOUND

    again = await restarted(members)
    assert await again.listed() == {}
    assert await again.committed() == {}


async def test_offsets_of_a_deleted_topic_do_not_outlive_it(
    members: Members, restarted: Any, talk: Any
) -> None:
    await members.commit(5)
    await members.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name="t")]))
    await talk.create("t", 2)

    assert await members.committed() == {}
    assert await (await restarted(members, cleanly=True)).committed() == {}


async def test_offsets_of_groups_without_members_expire(members: Members, restarted: Any) -> None:
    week_ms = 7 * 86_400_000
    first = await members.member(group_id="live", session_timeout_ms=1_800_000)
    await members.commit(5, first.member_id, 1, group_id="live")
    await members.commit(5, group_id="old")
    members.clock.jump_wall(week_ms // 2)
    await members.commit(5, group_id="young")
    members.clock.jump_wall(week_ms // 2)

    await members.clock.advance(300_001)

    assert await members.listed() == {"live": "Stable", "young": "Empty"}
    assert set(await (await restarted(members, cleanly=True)).listed()) == {"live", "young"}


async def test_a_group_keeps_its_offsets_for_as_long_as_it_had_members(members: Members) -> None:
    first = await members.member()
    await members.commit(5, first.member_id, 1)
    members.clock.jump_wall(6 * 86_400_000)
    await members.leave(first.member_id)
    members.clock.jump_wall(6 * 86_400_000)

    forget_old(members.broker.groups)
    assert await members.committed() == {("t", 0): 5}
    members.clock.jump_wall(2 * 86_400_000)
    forget_old(members.broker.groups)

    assert await members.listed() == {}


async def test_waiting_members_are_sent_away_when_the_broker_closes(members: Members) -> None:
    await members.member()
    joining = asyncio.create_task(members.join())
    await members.clock.settle()

    await members.broker.close()

    assert (await joining).error_code is ErrorCode.COORDINATOR_NOT_AVAILABLE
    await members.clock.advance(100_000)


async def test_this_broker_coordinates_everything(members: Members) -> None:
    request = FindCoordinatorRequest(coordinator_keys=["g", ""])
    found, nameless = (await members.broker.handle(request)).coordinators
    transactions = FindCoordinatorRequest(key_type=CoordinatorType.TRANSACTION, coordinator_keys=[""])

    assert (found.node_id, found.error_code) == (0, ErrorCode.NONE)
    assert nameless.error_code is ErrorCode.INVALID_GROUP_ID
    refused = (await members.broker.handle(transactions)).coordinators[0]
    assert refused.error_code is ErrorCode.INVALID_REQUEST


async def test_every_record_is_one_that_kafka_reads(members: Members) -> None:
    first = await members.member()
    await members.commit(5, first.member_id, 1)
    log = members.broker.log(OFFSETS_TOPIC, 0)
    assert log is not None

    buffer = log.read(0, 1 << 20, up_to=log.log_end_offset)

    keys = [key for at, _ in record_batch.split(buffer) for key in record_batch.decode(buffer, at).keys]
    group = b"\x00\x02\x00\x01g"
    assert keys == [group, group, b"\x00\x01\x00\x01g\x00\x01t\x00\x00\x00\x00"]


def _sync_fault() -> Fault:
    return next(fault for fault in FAULTS if "datasync" in fault.calls and fault.errno == errno.EIO)


async def test_many_commits_share_few_syncs(open_broker: Any, tmp_path: Any) -> None:
    counting = FaultyFiles(DiskFiles(), _sync_fault(), at_call=0)
    broker = await Broker.open(counting, str(tmp_path / "data"), ManualClock())
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=2)]))
    members = Members(broker, ManualClock())
    await members.commit(1)
    before = counting.calls

    codes = await asyncio.gather(*(members.commit(number) for number in range(100)))

    assert set(codes) == {ErrorCode.NONE}
    assert await members.committed() == {("t", 0): 99}
    assert counting.calls - before <= 4
    await broker.close()


async def test_a_commit_that_is_not_durable_is_neither_acknowledged_nor_shown(
    open_broker: Any, files: Any
) -> None:
    faulty = FaultyFiles(files, _sync_fault(), at_call=0, persistent=True)
    talk = await open_broker(files=faulty)
    await talk.create("t")
    members = Members(talk.broker, talk.clock)
    await members.commit(1)

    faulty._at_call = faulty.calls + 1

    assert await members.commit(2) is ErrorCode.KAFKA_STORAGE_ERROR
    assert await members.committed() == {("t", 0): 1}
    joined = await members.join()
    assert (await members.sync(joined)).error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert await members.delete() in (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NON_EMPTY_GROUP)
    faulty.heal()
    await talk.broker.abandon()


async def test_a_full_disk_refuses_commits_until_there_is_space(open_broker: Any, files: Any) -> None:
    faulty = FaultyFiles(files, FAULTS[1], at_call=0, persistent=True)
    talk = await open_broker(files=faulty)
    await talk.create("t")
    members = Members(talk.broker, talk.clock)
    await members.commit(1)

    faulty._at_call = faulty.calls + 1
    assert await members.commit(2) is ErrorCode.KAFKA_STORAGE_ERROR
    faulty.heal()

    assert await members.committed() == {("t", 0): 1}
    assert await members.commit(3) is ErrorCode.NONE
    assert await members.committed() == {("t", 0): 3}
