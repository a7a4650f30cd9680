"""What a group was told holds in every state a crash can leave.

Owns: a workload of generations, commits and a deletion, and the check of an image: an acknowledged or shown
offset never goes back (G1), a generation with an assignment is never told twice, a deleted group stays away.
"""

from __future__ import annotations

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
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
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.broker_images import PATH


async def _member(broker: Broker) -> JoinGroupResponse:
    protocols = [JoinGroupProtocol(name="range", metadata=b"")]
    request = JoinGroupRequest(group_id="g", session_timeout_ms=10_000, protocols=protocols)
    joined = await broker.handle(request)
    assignment = SyncGroupAssignment(member_id=joined.member_id, assignment=b"all")
    synced = await broker.handle(
        SyncGroupRequest(
            group_id="g",
            generation_id=joined.generation_id,
            member_id=joined.member_id,
            assignments=[assignment],
        )
    )
    assert synced.assignment == b"all"
    return joined


async def _commit(broker: Broker, group_id: str, offset: int, member: JoinGroupResponse | None) -> None:
    partition = OffsetCommitPartition(partition_index=0, committed_offset=offset)
    request = OffsetCommitRequest(
        group_id=group_id,
        generation_id_or_member_epoch=member.generation_id if member else -1,
        member_id=member.member_id if member else "",
        topics=[OffsetCommitTopic(name="t", partitions=[partition])],
    )
    response = await broker.handle(request)
    assert response.topics[0].partitions[0].error_code is ErrorCode.NONE


async def _committed(broker: Broker, group_id: str) -> int:
    asked = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id=group_id)])
    (found,) = (await broker.handle(asked)).groups
    return found.topics[0].partitions[0].committed_offset if found.topics else -1


class GroupScene:
    """Three generations of one group, and one that is deleted."""

    def __init__(self) -> None:
        self._offset = self._asked = -1
        self._generation = 0
        self._deleted = False

    async def play(self, recording: Recording) -> None:
        """Join, commit and leave in three generations, then delete a group."""
        broker = await Broker.open(recording.files, PATH, ManualClock())
        mark = recording.files.mark
        await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t")]))
        await _commit(broker, "gone", 1, None)
        for generation in range(3):
            member = await _member(broker)
            mark(("generation", member.generation_id))
            for offset in (2 * generation, 2 * generation + 1):
                mark(("asked", offset))
                await _commit(broker, "g", offset, member)
                mark(("offset", offset))
            leaver = MemberIdentity(member_id=member.member_id)
            await broker.handle(LeaveGroupRequest(group_id="g", members=[leaver]))
        deleted = await broker.handle(DeleteGroupsRequest(groups_names=["gone"]))
        assert deleted.results[0].error_code is ErrorCode.NONE
        mark(("deleted", True))
        await broker.abandon()

    def hear(self, said: tuple[object, ...]) -> None:
        """What was asked of the broker, or answered by it."""
        what, value = said
        setattr(self, f"_{what}", value)

    async def check(self, files: RecordingFiles, story: str) -> None:
        """Offsets and generations are where they were, and both go on from there."""
        broker = await Broker.open(files, PATH, ManualClock())
        if broker.log("t", 0) is not None:
            found = await _committed(broker, "g")
            assert self._offset <= found <= self._asked, story
            if self._deleted:
                assert await _committed(broker, "gone") == -1, story
            member = await _member(broker)
            assert member.generation_id > self._generation, story
            await _commit(broker, "g", 100, member)
            assert await _committed(broker, "g") == 100, story
        await broker.abandon()
