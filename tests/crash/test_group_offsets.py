"""What a group was told holds in every state a crash can leave.

Owns: a workload of generations, commits and a deletion, and the check of every image: an acknowledged or shown
offset never goes back (G1), a generation with an assignment is never told twice, a deleted group stays away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest
from streamz_core.testing.crash_images import CrashImages
from streamz_core.testing.disk_tree import Mark, Write
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles

_PATH = "/data"
_EVERY = 13
"""Of the images each so-many-th is recovered: the log's own harness tries them all."""


@dataclass
class Told:
    """What the broker had said before the crash."""

    offset: int = -1
    asked: int = -1
    generation: int = 0
    deleted: bool = False
    seen: set[Any] = field(default_factory=set)


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
    response = await broker.handle(OffsetFetchRequest(group_id=group_id))
    return response.topics[0].partitions[0].committed_offset if response.topics else -1


async def _workload(recording: Recording) -> None:
    broker = await Broker.open(recording.files, _PATH, ManualClock())
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


def _cuts(write: Write) -> list[int]:
    return sorted({1, len(write.data) // 2, len(write.data) - 1} - {0, len(write.data)})


async def test_what_a_group_was_told_holds_after_every_crash() -> None:
    recording = Recording()
    await _workload(recording)

    told, count, recovered = Told(), 0, 0
    images = CrashImages(recording.files.origin, cuts=_cuts, exhaustive_below=4)
    for operation in recording.operations:
        if isinstance(operation, Mark):
            setattr(told, *operation.value)
        for image in images.feed(operation):
            count += 1
            if count % _EVERY or image.digest in told.seen:
                continue
            told.seen.add(image.digest)
            recovered += 1
            await _check(RecordingFiles(image.tree), told, image.describe(recording.operations))

    assert recovered > 50
    assert told.deleted


async def _check(files: RecordingFiles, told: Told, story: str) -> None:
    broker = await Broker.open(files, _PATH, ManualClock())
    if broker.log("t", 0) is not None:
        found = await _committed(broker, "g")
        assert told.offset <= found <= told.asked, story
        if told.deleted:
            assert await _committed(broker, "gone") == -1, story
        member = await _member(broker)
        assert member.generation_id > told.generation, story
        await _commit(broker, "g", 100, member)
        assert await _committed(broker, "g") == 100, story
    await broker.abandon()
