"""Owns: the consumer's tests against a scripted broker. Must not know: real brokers."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from streamz_core.aio.deadline import sleep
from streamz_core.client import errors
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberAssignment
from streamz_core.protocol.messages.fetch import (
    AbortedTransaction,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopicResponse,
)
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupMember, JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartitionResponse,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitTopicResponse,
)
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from streamz_core.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from streamz_core.protocol.record_batch import encode

T = TopicPartition("t", 0)


class Script:
    """A group coordinator of one member and a log, both told what to answer."""

    def __init__(self, link, clock):
        self.link = link
        self.clock = clock
        self.fetched = deque()
        self.heartbeats = deque()
        self.joins = deque()
        self.commits = deque()
        self.generation = 0
        link.on(FetchRequest, self.fetch)
        link.on(ListOffsetsRequest, self.list_offsets)
        link.on(JoinGroupRequest, self.join)
        link.on(SyncGroupRequest, self.sync)
        link.on(HeartbeatRequest, lambda _: HeartbeatResponse(error_code=self.next(self.heartbeats)))
        link.on(OffsetFetchRequest, lambda _: OffsetFetchResponse(groups=[]))
        link.on(OffsetCommitRequest, self.commit)
        link.on(LeaveGroupRequest, lambda _: LeaveGroupResponse(members=[]))

    @staticmethod
    def next(codes):
        return codes.popleft() if codes else ErrorCode.NONE

    async def fetch(self, request):
        if request.max_wait_ms and not self.fetched:
            await asyncio.Event().wait()
        found = self.fetched.popleft() if self.fetched else {}
        (topic,) = request.topics
        return FetchResponse(
            responses=[
                FetchTopicResponse(
                    topic=topic.topic,
                    partitions=[
                        FetchPartitionResponse(partition_index=topic.partitions[0].partition, **found)
                    ],
                )
            ]
        )

    def list_offsets(self, request):
        return ListOffsetsResponse(
            topics=[
                ListOffsetsTopicResponse(
                    name=topic.name,
                    partitions=[
                        ListOffsetsPartitionResponse(partition_index=p.partition_index, offset=0)
                        for p in topic.partitions
                    ],
                )
                for topic in request.topics
            ]
        )

    def join(self, request):
        code = self.next(self.joins)
        if code == ErrorCode.MEMBER_ID_REQUIRED:
            return JoinGroupResponse(error_code=code, member_id="given", members=[])
        if code != ErrorCode.NONE:
            return JoinGroupResponse(error_code=code, members=[])
        self.generation += 1
        member_id = request.member_id or f"new-{self.generation}"
        return JoinGroupResponse(
            generation_id=self.generation,
            protocol_name=request.protocols[0].name,
            leader=member_id,
            member_id=member_id,
            members=[JoinGroupMember(member_id=member_id, metadata=request.protocols[0].metadata)],
        )

    def sync(self, request):
        (share,) = request.assignments
        assert ConsumerProtocolMemberAssignment.decode(share.assignment).partitions() == [T]
        return SyncGroupResponse(assignment=share.assignment)

    def commit(self, request):
        code = self.next(self.commits)
        return OffsetCommitResponse(
            topics=[
                OffsetCommitTopicResponse(
                    name=topic.name,
                    partitions=[
                        OffsetCommitPartitionResponse(partition_index=p.partition_index, error_code=code)
                        for p in topic.partitions
                    ],
                )
                for topic in request.topics
            ]
        )


@pytest.fixture
def script(link, clock):
    return Script(link, clock)


@pytest.fixture
async def consumers(link, clock, script):
    made = []

    async def make(**settings):
        consumer = AIOKafkaConsumer("t", bootstrap_servers=link, auto_offset_reset="earliest", **settings)
        made.append(consumer)
        await clock.drive(consumer.start())
        return consumer

    yield make
    for consumer in made:
        await clock.drive(consumer.stop(commit=False))


def batch(*values, base=0, **settings):
    return encode([None] * len(values), list(values), [1] * len(values), base_offset=base, **settings)


async def test_passing_trouble_is_waited_out(consumers, script, clock):
    script.fetched.extend(
        [
            {"error_code": ErrorCode.KAFKA_STORAGE_ERROR},
            {"error_code": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION},
            {"records": batch(b"1")},
        ]
    )
    consumer = await consumers()

    assert (await clock.drive(consumer.getone())).value == b"1"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (ErrorCode.CORRUPT_MESSAGE, errors.CorruptRecordException),
        (ErrorCode.TOPIC_AUTHORIZATION_FAILED, errors.TopicAuthorizationFailedError),
    ],
)
async def test_lasting_trouble_is_told_and_then_tried_again(consumers, script, clock, code, error):
    script.fetched.extend([{"error_code": code}, {"records": batch(b"1")}])
    consumer = await consumers()
    await clock.settle()

    with pytest.raises(error, match="'t' partition 0 cannot be read at offset 0"):
        await consumer.getone()
    assert (await clock.drive(consumer.getone())).value == b"1"


@pytest.mark.parametrize("checks_reads", [False, True])
@pytest.mark.parametrize("wanted", [False, True])
async def test_checksums_are_compared_where_the_link_has_not(
    consumers, script, link, clock, wanted, checks_reads
):
    link.checks_reads = checks_reads
    changed = bytearray(batch(b"sound"))
    changed[-2] ^= 1  # the value's last byte: nothing but the checksum tells
    script.fetched.append({"records": bytes(changed)})
    consumer = await consumers(check_crcs=wanted)
    await clock.settle()

    if wanted and not checks_reads:
        with pytest.raises(errors.CorruptRecordException, match="'t' partition 0: the batch at offset 0"):
            await consumer.getone()
    else:
        assert (await clock.drive(consumer.getone())).value == b"soune"


async def test_a_fetch_without_an_answer_is_repeated(consumers, script, link, clock):
    consumer = await consumers(request_timeout_ms=1_000)
    await clock.advance(10_000)
    script.fetched.append({"records": batch(b"1")})

    assert (await clock.drive(consumer.getone())).value == b"1"


async def test_what_the_first_batch_holds_before_the_position_is_left_out(consumers, script, clock):
    consumer = await consumers()
    consumer.seek(T, 2)
    script.fetched.append({"records": batch(b"0", b"1", b"2", b"3")})
    await clock.settle()

    assert (await clock.drive(consumer.getmany(timeout_ms=500)))[T][0].offset == 2


async def test_only_whole_batches_are_taken(consumers, script, clock):
    second = batch(b"1", base=1)
    script.fetched.append({"records": batch(b"0") + second[:-3]})
    consumer = await consumers()
    found = await clock.drive(consumer.getmany(timeout_ms=1_000))
    assert [record.offset for record in found[T]] == [0]
    assert await consumer.position(T) == 1


async def test_aborted_and_control_batches_move_the_position_only(consumers, script, clock):
    from streamz_core.protocol.control import end_txn_marker
    from streamz_core.protocol.record_batch import assign

    marker = bytearray(end_txn_marker(committed=False, producer_id=5, producer_epoch=0, timestamp=1))
    assign(marker, 0, 2, 0)
    aborted = batch(
        b"no", b"no", base=0, producer_id=5, producer_epoch=0, base_sequence=0, transactional=True
    )
    script.fetched.append(
        {
            "records": aborted + bytes(marker) + batch(b"yes", base=3),
            "aborted_transactions": [AbortedTransaction(producer_id=5, first_offset=0)],
        }
    )
    consumer = await consumers(isolation_level="read_committed")

    assert (await clock.drive(consumer.getone())).offset == 3
    assert await consumer.position(T) == 4


async def test_an_answer_to_a_fetch_from_before_a_seek_is_dropped(consumers, script, link, clock):
    gate = asyncio.Event()
    consumer = await consumers(fetch_min_bytes=10)
    plain = script.fetch

    async def held(request):
        await gate.wait()
        return await plain(request)

    link.on(FetchRequest, held)
    consumer.seek(T, 0)
    await clock.settle()
    script.fetched.append({"records": batch(b"old")})
    consumer.seek(T, 50)
    gate.set()
    script.fetched.append({"records": batch(b"new", base=50)})
    await clock.settle()

    assert (await clock.drive(consumer.getone())).offset in (50,)


async def test_joining_waits_for_the_coordinator_and_takes_the_id_it_gives(consumers, script, link, clock):
    script.joins.extend(
        [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.MEMBER_ID_REQUIRED, ErrorCode.NONE]
    )
    consumer = await consumers(group_id="g")

    assert consumer.group_metadata() == ("g", 1, "given", None)
    assert [request.member_id for request in link.sent(JoinGroupRequest)] == ["", "", "given"]


async def test_a_member_the_coordinator_forgot_loses_its_partitions_and_joins_anew(
    consumers, script, link, clock
):
    told = []

    class Listener:
        def on_partitions_revoked(self, revoked):
            told.append(("revoked", revoked))

        def on_partitions_assigned(self, assigned):
            told.append(("assigned", assigned))

        def on_partitions_lost(self, lost):
            told.append(("lost", lost))

    consumer = await consumers(group_id="g")
    consumer._subscription.listener = Listener()
    script.heartbeats.append(ErrorCode.UNKNOWN_MEMBER_ID)
    await clock.advance(3_000)
    await clock.settle()

    assert told == [("lost", {T}), ("assigned", {T})]
    assert consumer.group_metadata().generation_id == 2
    assert link.sent(JoinGroupRequest)[-1].member_id == ""
    assert not link.sent(OffsetCommitRequest)


async def test_a_rebalance_commits_what_is_done_before_it_joins(consumers, script, link, clock):
    script.fetched.append({"records": batch(b"0", b"1", b"2")})
    consumer = await consumers(group_id="g")
    await clock.drive(consumer.getone())
    await clock.drive(consumer.getone())
    script.heartbeats.append(ErrorCode.REBALANCE_IN_PROGRESS)
    await clock.advance(3_000)

    (commit,) = link.sent(OffsetCommitRequest)
    assert commit.topics[0].partitions[0].committed_offset == 1  # record 1 is in hand
    assert commit.generation_id_or_member_epoch == 1
    assert consumer.group_metadata().generation_id == 1  # of the record in hand
    await clock.drive(consumer.getmany())
    assert consumer.group_metadata().generation_id == 2


async def test_a_broker_that_does_not_hold_heartbeats_is_asked_once_per_interval(
    consumers, script, link, clock
):
    await consumers(group_id="g", heartbeat_interval_ms=2_000)
    await clock.advance(7_000)

    assert len(link.sent(HeartbeatRequest)) == 4  # at 0, 2, 4 and 6 seconds
    assert {request.max_wait_ms for request in link.sent(HeartbeatRequest)} == {2_000}


async def test_a_slow_listener_keeps_its_session_and_joins_once(consumers, script, link, clock):
    class Slow:
        async def on_partitions_revoked(self, revoked):
            await sleep(clock, 7_000)

        def on_partitions_assigned(self, assigned):
            pass

    consumer = await consumers(group_id="g")
    consumer._subscription.listener = Slow()
    script.heartbeats.extend([ErrorCode.REBALANCE_IN_PROGRESS] * 3)
    await clock.advance(3_000)
    beats = len(link.sent(HeartbeatRequest))
    await clock.advance(8_000)

    assert len(link.sent(HeartbeatRequest)) >= beats + 2
    assert len(link.sent(JoinGroupRequest)) == 2


async def test_who_is_told_to_join_while_it_syncs_joins_again_without_waiting(consumers, script, link, clock):
    codes = [ErrorCode.REBALANCE_IN_PROGRESS]
    plain = script.sync
    link.on(
        SyncGroupRequest,
        lambda request: SyncGroupResponse(error_code=codes.pop()) if codes else plain(request),
    )
    began_ms = clock.monotonic_ms()
    consumer = await consumers(group_id="g")

    assert consumer.group_metadata().generation_id == 2
    assert clock.monotonic_ms() == began_ms


@pytest.mark.parametrize("code", [ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION])
async def test_a_commit_that_finds_the_group_gone_on_loses_the_partitions(
    consumers, script, link, clock, code
):
    told = []

    class Listener:
        def on_partitions_revoked(self, revoked):
            told.append(("revoked", revoked))

        def on_partitions_assigned(self, assigned):
            told.append(("assigned", assigned))

        def on_partitions_lost(self, lost):
            told.append(("lost", lost))

    consumer = await consumers(group_id="g", enable_auto_commit=False)
    consumer._subscription.listener = Listener()
    script.commits.append(code)
    with pytest.raises(errors.CommitFailedError, match=code.name):
        await consumer.commit({T: 0})
    await clock.settle()

    assert told == [("lost", {T}), ("assigned", {T})]
    assert link.sent(JoinGroupRequest)[-1].member_id == ""


async def test_a_fenced_instance_stops_and_says_so(consumers, script, link, clock):
    consumer = await consumers(group_id="g", group_instance_id="i")
    script.heartbeats.append(ErrorCode.FENCED_INSTANCE_ID)
    await clock.advance(3_000)
    with pytest.raises(errors.FencedInstanceIdError, match="'i'"):
        await consumer.getone()
    await clock.advance(30_000)

    assert len(link.sent(JoinGroupRequest)) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (ErrorCode.ILLEGAL_GENERATION, errors.CommitFailedError),
        (ErrorCode.UNKNOWN_MEMBER_ID, errors.CommitFailedError),
        (ErrorCode.REBALANCE_IN_PROGRESS, errors.CommitFailedError),
        (ErrorCode.OFFSET_METADATA_TOO_LARGE, errors.OffsetMetadataTooLargeError),
    ],
)
async def test_refused_commits_raise(consumers, script, clock, code, error):
    consumer = await consumers(group_id="g")
    script.commits.append(code)
    with pytest.raises(error, match="t-0"):
        await clock.drive(consumer.commit({T: 1}))


async def test_commits_wait_for_the_coordinator(consumers, script, link, clock):
    consumer = await consumers(group_id="g")
    script.commits.extend([ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR])
    await clock.drive(consumer.commit({T: 1}))

    assert len(link.sent(OffsetCommitRequest)) == 3


@pytest.mark.parametrize("call", ["commit", "committed", "end_offsets", "topics"])
async def test_every_request_has_a_deadline(consumers, script, link, clock, call):
    from streamz_core.protocol.messages.metadata import MetadataRequest

    consumer = await consumers(group_id="g", request_timeout_ms=2_000)

    async def never(request):
        await asyncio.Event().wait()

    for request_type in (OffsetCommitRequest, OffsetFetchRequest, ListOffsetsRequest, MetadataRequest):
        link.on(request_type, never)
    calls = {
        "commit": lambda: consumer.commit({T: 1}),
        "committed": lambda: consumer.committed(T),
        "end_offsets": lambda: consumer.end_offsets([T]),
        "topics": consumer.topics,
    }
    before = clock.monotonic_ms()
    with pytest.raises(errors.KafkaTimeoutError, match="2000 ms"):
        await clock.drive(calls[call]())
    assert clock.monotonic_ms() - before == 2_000


async def test_stopping_has_a_deadline_too(consumers, script, link, clock):
    consumer = await consumers(group_id="g", request_timeout_ms=2_000)

    async def never(request):
        await asyncio.Event().wait()

    for request_type in (OffsetCommitRequest, LeaveGroupRequest):
        link.on(request_type, never)
    before = clock.monotonic_ms()
    await clock.drive(consumer.stop())
    assert clock.monotonic_ms() - before <= 4_000


async def test_a_failure_of_background_work_is_raised_by_every_call(consumers, link, clock):
    consumer = await consumers()
    link.on(FetchRequest, lambda request: 1 / 0)
    consumer.seek(T, 0)
    await clock.settle()

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await consumer.getone()
