"""Groups of the consumer protocol in a broker: sessions, what is stored, what is there after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from streamz_core.broker.groups.forgetting import forget_old
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    DescribedConsumerGroup,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    ConsumerGroupTopicPartitions,
)
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartition,
    OffsetDeleteRequest,
    OffsetDeleteTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchTopic,
)
from streamz_core.protocol.messages.sync_group import SyncGroupRequest
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles

Answer = ConsumerGroupHeartbeatResponse


class Group:
    """One group of a broker, in few words."""

    def __init__(self, talk: Any, group_id: str = "g") -> None:
        self.broker = talk.broker
        self.clock = talk.clock
        self.group_id = group_id

    async def ask(self, member_id: str, epoch: int, **fields: Any) -> Answer:
        request = ConsumerGroupHeartbeatRequest(
            group_id=self.group_id, member_id=member_id, member_epoch=epoch, client_host="h", **fields
        )
        answer: Answer = await self.broker.handle(request)
        return answer

    async def join(self, member_id: str = "m1", *topics: str, **fields: Any) -> Answer:
        given: dict[str, Any] = {
            "rebalance_timeout_ms": 60_000,
            "subscribed_topic_names": list(topics) or ["t"],
            "topic_partitions": [],
        }
        return await self.ask(member_id, 0, **{**given, **fields})

    async def beat(
        self, member_id: str, epoch: int, owned: Sequence[int] | None = None, **fields: Any
    ) -> Answer:
        if owned is not None:
            fields["topic_partitions"] = [
                ConsumerGroupTopicPartitions(topic_id=self.topic_id, partitions=owned)
            ]
        return await self.ask(member_id, epoch, **fields)

    @property
    def topic_id(self) -> UUID:
        found: UUID = self.broker.directory.topics["t"].topic_id
        return found

    async def described(self) -> DescribedConsumerGroup:
        request = ConsumerGroupDescribeRequest(group_ids=[self.group_id], include_authorized_operations=True)
        (found,) = (await self.broker.handle(request)).groups
        return found  # type: ignore[no-any-return]

    async def listed(self) -> list[tuple[str, str, str]]:
        groups = (await self.broker.handle(ListGroupsRequest())).groups
        return [(one.group_type, one.protocol_type, one.group_state) for one in groups]

    async def commit(self, offset: int, member_id: str = "", epoch: int = -1) -> ErrorCode:
        partition = OffsetCommitPartition(partition_index=0, committed_offset=offset)
        request = OffsetCommitRequest(
            group_id=self.group_id,
            generation_id_or_member_epoch=epoch,
            member_id=member_id,
            topics=[OffsetCommitTopic(name="t", partitions=[partition])],
        )
        code: ErrorCode = (await self.broker.handle(request)).topics[0].partitions[0].error_code
        return code

    async def committed(self, member_id: str | None = None, epoch: int = -1) -> int | ErrorCode:
        topics = [OffsetFetchTopic(name="t", partition_indexes=[0])]
        group = OffsetFetchGroup(
            group_id=self.group_id, topics=topics, member_id=member_id, member_epoch=epoch
        )
        (found,) = (await self.broker.handle(OffsetFetchRequest(groups=[group]))).groups
        return found.error_code or found.topics[0].partitions[0].committed_offset


def told(answer: Answer) -> list[int] | None:
    """The partitions of ``t`` that the member is told to have."""
    assert answer.error_code is ErrorCode.NONE, answer
    if answer.assignment is None:
        return None
    return sorted(number for topic in answer.assignment.topic_partitions for number in topic.partitions)


@pytest.fixture
def group(talk: Any) -> Group:
    """A group of a broker with a topic ``t`` of two partitions."""
    return Group(talk)


async def test_partitions_go_from_one_member_to_another_when_they_are_given_up(group: Group) -> None:
    first = await group.join("m1")
    assert (told(first), first.member_id, first.heartbeat_interval_ms) == ([0, 1], "m1", 1_000)
    await group.beat("m1", first.member_epoch, [0, 1])

    second = await group.join("m2")
    assert told(second) == []
    asked = await group.beat("m1", first.member_epoch)
    kept = told(asked)
    assert kept is not None
    assert (len(kept), asked.member_epoch) == (1, first.member_epoch)
    (given_up,) = {0, 1} - set(kept)
    assert told(await group.beat("m2", second.member_epoch)) is None
    assert (await group.described()).group_state == "Reconciling"

    confirmed = await group.beat("m1", first.member_epoch, kept)
    assert (told(confirmed), confirmed.member_epoch) == (None, second.member_epoch)
    assert told(await group.beat("m2", second.member_epoch)) == [given_up]

    described = await group.described()
    assert (described.group_state, described.assignor_name) == ("Stable", "uniform")
    assert described.group_epoch == described.assignment_epoch == second.member_epoch
    assert [member.member_id for member in described.members] == ["m1", "m2"]
    assert described.members[0].assignment == described.members[0].target_assignment
    assert described.members[0].assignment.topic_partitions[0].topic_name == "t"
    assert described.authorized_operations == sum(1 << bit for bit in (3, 6, 8, 10, 11))
    assert await group.listed() == [("consumer", "consumer", "Stable")]


async def test_a_member_that_says_nothing_new_writes_nothing(group: Group) -> None:
    joined = await group.join()
    log = group.broker.log("__consumer_offsets", 0)
    before = log.log_end_offset

    for _ in range(3):
        assert told(await group.beat("m1", joined.member_epoch)) is None

    assert log.log_end_offset == before


async def test_a_member_that_missed_an_answer_is_told_again(group: Group) -> None:
    first = await group.join("m1")

    lost = await group.beat("m1", first.member_epoch, subscribed_topic_names=["t", "other"])
    again = await group.beat("m1", first.member_epoch, [0, 1])

    assert lost.member_epoch > first.member_epoch
    assert (again.member_epoch, told(again)) == (lost.member_epoch, [0, 1])


async def test_members_in_another_epoch_are_fenced_and_join_again(group: Group) -> None:
    joined = await group.join()

    ahead = await group.beat("m1", joined.member_epoch + 1)
    unknown = await group.beat("nobody", 1)
    back = await group.join()

    assert ahead.error_code is ErrorCode.FENCED_MEMBER_EPOCH
    assert "join again" in (ahead.error_message or "")
    assert unknown.error_code is ErrorCode.UNKNOWN_MEMBER_ID
    assert told(back) == [0, 1]


async def test_who_leaves_frees_its_partitions_at_once(group: Group) -> None:
    await group.join("m1")
    second = await group.join("m2")

    left = await group.beat("m1", -1)
    state = (await group.described()).group_state

    assert (left.error_code, left.member_epoch) == (ErrorCode.NONE, -1)
    assert state == "Assigning"
    assert told(await group.beat("m2", second.member_epoch)) == [0, 1]
    assert (await group.beat("m1", -1)).error_code is ErrorCode.UNKNOWN_MEMBER_ID


async def test_who_is_not_heard_of_is_out(group: Group) -> None:
    first = await group.join("m1")
    await group.clock.advance(30_000)
    second = await group.join("m2")
    assert told(second) == []

    await group.clock.advance(20_000)

    assert [member.member_id for member in (await group.described()).members] == ["m2"]
    assert told(await group.beat("m2", second.member_epoch)) == [0, 1]
    assert (await group.beat("m1", first.member_epoch)).error_code is ErrorCode.UNKNOWN_MEMBER_ID


async def test_who_does_not_give_up_in_time_is_out(group: Group) -> None:
    first = await group.join("m1", rebalance_timeout_ms=10_000)
    await group.join("m2")
    assert len(told(await group.beat("m1", first.member_epoch)) or ()) == 1

    for _ in range(3):
        await group.clock.advance(3_000)
        assert told(await group.beat("m1", first.member_epoch, [0, 1])) is None
    await group.clock.advance(1_001)

    assert [member.member_id for member in (await group.described()).members] == ["m2"]


async def test_a_static_member_comes_back_to_its_place(group: Group) -> None:
    first = await group.join("m1", instance_id="i")
    other = await group.join("m2", instance_id="j")
    taken = await group.join("m3", instance_id="i")
    assert taken.error_code is ErrorCode.UNRELEASED_INSTANCE_ID

    away = await group.beat("m1", -2, instance_id="i")
    unmoved = await group.beat("m2", other.member_epoch, instance_id="j")
    back = await group.join("m3", instance_id="i")
    fenced = await group.beat("m1", first.member_epoch, instance_id="i")

    assert (away.error_code, away.member_epoch) == (ErrorCode.NONE, -2)
    assert told(unmoved) is None
    assert told(back) == [0] or told(back) == [1]
    assert fenced.error_code is ErrorCode.FENCED_INSTANCE_ID
    assert [member.member_id for member in (await group.described()).members] == ["m3", "m2"]


async def test_a_static_member_that_stays_away_is_out(group: Group) -> None:
    await group.join("m1", instance_id="i")
    await group.beat("m1", -2, instance_id="i")

    await group.clock.advance(45_001)

    assert (await group.described()).group_state == "Empty"


async def test_a_subscription_by_regular_expression_follows_the_topics(talk: Any, group: Group) -> None:
    joined = await group.join(subscribed_topic_names=None, subscribed_topic_regex="t|orders-.*")
    assert told(joined) == [0, 1]

    await talk.create("orders-eu", 3)
    grown = await group.beat("m1", joined.member_epoch)
    await talk.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name="orders-eu")]))
    shrunk = await group.beat("m1", grown.member_epoch)

    assert len(told(grown) or ()) == 5
    assert told(shrunk) == [0, 1]
    assert (await group.described()).members[0].subscribed_topic_regex == "t|orders-.*"


@pytest.mark.parametrize("regex", ["(", "(a{1000}){1000}", "(?=t)"])
async def test_what_is_no_regular_expression_is_refused(group: Group, regex: str) -> None:
    refused = await group.join(subscribed_topic_regex=regex)

    assert refused.error_code is ErrorCode.INVALID_REGULAR_EXPRESSION
    assert await group.listed() == []


async def test_the_brokers_own_topics_are_nobodys_by_regular_expression(group: Group) -> None:
    await group.commit(0)

    joined = await group.join(subscribed_topic_names=None, subscribed_topic_regex=".*")

    assert joined.assignment is not None
    assert [topic.topic_id for topic in joined.assignment.topic_partitions] == [group.topic_id]


async def test_the_assignor_is_the_one_most_members_ask_for(talk: Any, group: Group) -> None:
    await talk.create("u", 3)
    await group.join("m1", "u", server_assignor="range")
    await group.join("m2", "u", server_assignor="range")

    refused = await group.join("m3", server_assignor="mine")

    assert (await group.described()).assignor_name == "range"
    assert refused.error_code is ErrorCode.UNSUPPORTED_ASSIGNOR
    assert "uniform" in (refused.error_message or "")


@pytest.mark.parametrize(
    ("epoch", "fields"),
    [
        (-3, {}),
        (0, {"rebalance_timeout_ms": -1}),
        (0, {"subscribed_topic_names": None}),
        (0, {"topic_partitions": None}),
        (0, {"topic_partitions": [ConsumerGroupTopicPartitions(topic_id=UUID(int=1), partitions=[0])]}),
        (0, {"instance_id": ""}),
        (0, {"rack_id": ""}),
        (0, {"member_id": "", "requires_member_id": True}),
        (1, {"member_id": ""}),
        (-2, {}),
        (0, {"client_id": "\ud800"}),
        (0, {"group_id": "x" * 40_000}),
        (0, {"group_id": ""}),
    ],
)
async def test_requests_that_say_too_little_are_refused(
    group: Group, epoch: int, fields: dict[str, Any]
) -> None:
    given: dict[str, Any] = {
        "group_id": "g",
        "member_id": "m",
        "rebalance_timeout_ms": 1_000,
        "subscribed_topic_names": ["t"],
        "topic_partitions": [],
    }

    answer = await group.broker.handle(
        ConsumerGroupHeartbeatRequest(member_epoch=epoch, **{**given, **fields})
    )

    assert answer.error_code in {ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_GROUP_ID}
    assert answer.error_message
    assert await group.listed() == []


async def test_a_member_without_an_id_is_given_one(group: Group) -> None:
    joined = await group.join("", client_id="c")

    assert (joined.member_id or "").startswith("c-")
    assert told(await group.beat(joined.member_id or "", joined.member_epoch)) is None


async def test_only_members_in_their_epoch_commit(talk: Any, group: Group) -> None:
    await talk.produce("t", b"a", b"b", b"c")
    assert await group.commit(1) is ErrorCode.NONE
    joined = await group.join()

    assert await group.commit(2) is ErrorCode.UNKNOWN_MEMBER_ID
    assert await group.commit(2, "m1", joined.member_epoch + 1) is ErrorCode.STALE_MEMBER_EPOCH
    assert await group.commit(2, "nobody", joined.member_epoch) is ErrorCode.UNKNOWN_MEMBER_ID
    assert await group.commit(3, "m1", joined.member_epoch) is ErrorCode.NONE
    assert await group.committed() == 3
    assert await group.committed("m1", joined.member_epoch) == 3
    assert await group.committed("m1", joined.member_epoch + 1) is ErrorCode.STALE_MEMBER_EPOCH
    assert await group.committed("nobody", 1) is ErrorCode.UNKNOWN_MEMBER_ID


async def test_a_commit_shows_that_the_member_lives(talk: Any, group: Group) -> None:
    await talk.produce("t", b"a")
    joined = await group.join()
    await group.clock.advance(40_000)
    await group.commit(1, "m1", joined.member_epoch)
    await group.clock.advance(40_000)

    assert (await group.described()).group_state == "Stable"


async def test_members_are_there_after_a_restart(talk: Any, group: Group, open_broker: Any) -> None:
    await talk.produce("t", b"a")
    first = await group.join("m1")
    second = await group.join("m2")
    kept = told(await group.beat("m1", first.member_epoch)) or []
    await group.commit(1, "m1", first.member_epoch)
    before = await group.described()
    await talk.broker.abandon()

    again = Group(await open_broker())
    after = await again.described()
    assert after == before
    moved = await again.beat("m1", first.member_epoch, kept)
    assert moved.member_epoch >= second.member_epoch
    assert await again.committed() == 1

    await again.clock.advance(45_001)
    assert (await again.described()).group_state == "Empty"


async def test_members_of_the_ended_process_are_gone_with_it(talk: Any, open_broker: Any) -> None:
    request = ConsumerGroupHeartbeatRequest(
        group_id="g",
        member_id="m",
        member_epoch=0,
        rebalance_timeout_ms=1_000,
        subscribed_topic_names=["t"],
        topic_partitions=[],
    )
    await talk.broker.handle(request)
    await talk.broker.abandon()

    again = Group(await open_broker())

    assert (await again.described()).group_state == "Empty"
    assert told(await again.join("n")) == [0, 1]


async def test_what_cannot_be_stored_is_not_promised(open_broker: Any, files: Any) -> None:
    faulty = FaultyFiles(files, FAULTS[1], at_call=0, persistent=True)
    talk = await open_broker(files=faulty)
    await talk.create("t", 2)
    group = Group(talk)
    joined = await group.join("m1")
    faulty._at_call = faulty.calls + 1

    refused = await group.join("m2")
    faulty.heal()
    lived = await group.beat("m1", joined.member_epoch)

    assert refused.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert told(lived) is None
    assert [member.member_id for member in (await group.described()).members] == ["m1"]


def classic(group_id: str = "g", member_id: str = "") -> JoinGroupRequest:
    return JoinGroupRequest(
        group_id=group_id,
        member_id=member_id,
        session_timeout_ms=10_000,
        protocols=[JoinGroupProtocol(name="range", metadata=b"")],
    )


async def test_an_empty_group_changes_its_protocol_and_keeps_its_offsets(
    talk: Any, group: Group, open_broker: Any
) -> None:
    await talk.produce("t", b"a")
    member = await talk.broker.handle(classic())
    await talk.broker.handle(
        LeaveGroupRequest(group_id="g", members=[MemberIdentity(member_id=member.member_id)])
    )
    await group.commit(1)

    joined = await group.join("m1")
    assert joined.member_epoch > member.generation_id
    assert (await talk.broker.handle(classic())).error_code is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    (shown,) = (await talk.broker.handle(DescribeGroupsRequest(groups=["g"]))).groups
    assert (shown.group_state, shown.error_code) == ("Dead", ErrorCode.GROUP_ID_NOT_FOUND)
    await group.beat("m1", -1)

    turned = await talk.broker.handle(classic())
    assert (turned.error_code, turned.generation_id > joined.member_epoch) == (ErrorCode.NONE, True)
    assert await group.listed() == [("classic", "consumer", "CompletingRebalance")]
    refused = await group.join("m2")
    assert refused.error_code is ErrorCode.GROUP_ID_NOT_FOUND
    assert "no consumers" in (refused.error_message or "")
    assert (await group.described()).error_code is ErrorCode.GROUP_ID_NOT_FOUND
    assert await group.committed() == 1

    await talk.broker.abandon()
    again = Group(await open_broker())
    assert [kind for kind, _, _ in await again.listed()] == ["classic"]
    assert await again.committed() == 1


async def test_classic_requests_find_no_member_in_a_group_of_the_consumer_protocol(
    talk: Any, group: Group
) -> None:
    await group.join("m1")

    beat = await talk.broker.handle(HeartbeatRequest(group_id="g", generation_id=1, member_id="m1"))
    sync = await talk.broker.handle(
        SyncGroupRequest(group_id="g", generation_id=1, member_id="m1", assignments=[])
    )
    left = await talk.broker.handle(LeaveGroupRequest(group_id="g", members=[MemberIdentity(member_id="m1")]))

    assert {beat.error_code, sync.error_code, left.members[0].error_code} == {ErrorCode.UNKNOWN_MEMBER_ID}


async def test_a_group_is_deleted_when_nobody_is_in_it(talk: Any, group: Group, open_broker: Any) -> None:
    await talk.produce("t", b"a")
    joined = await group.join("m1")
    await group.commit(1, "m1", joined.member_epoch)
    request = DeleteGroupsRequest(groups_names=["g"])

    refused = await talk.broker.handle(request)
    await group.beat("m1", -1)
    deleted = await talk.broker.handle(request)

    assert refused.results[0].error_code is ErrorCode.NON_EMPTY_GROUP
    assert deleted.results[0].error_code is ErrorCode.NONE
    assert await group.listed() == []
    await talk.broker.abandon()
    assert await Group(await open_broker()).listed() == []


async def test_offsets_of_topics_that_are_read_are_kept(talk: Any, group: Group) -> None:
    await talk.produce("t", b"a")
    joined = await group.join("m1")
    await group.commit(1, "m1", joined.member_epoch)
    partition = OffsetDeletePartition(partition_index=0)
    request = OffsetDeleteRequest(group_id="g", topics=[OffsetDeleteTopic(name="t", partitions=[partition])])

    refused = await talk.broker.handle(request)
    await group.beat("m1", joined.member_epoch, subscribed_topic_names=["other"])
    deleted = await talk.broker.handle(request)

    assert refused.topics[0].partitions[0].error_code is ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
    assert deleted.topics[0].partitions[0].error_code is ErrorCode.NONE


@pytest.mark.parametrize(
    "subscription",
    [
        {"subscribed_topic_names": ["t"]},
        {"subscribed_topic_names": None, "subscribed_topic_regex": "t"},
    ],
)
async def test_offsets_of_topics_that_are_read_are_kept_also_before_a_member_is_heard_again(
    talk: Any, group: Group, open_broker: Any, subscription: dict[str, Any]
) -> None:
    await talk.produce("t", b"a")
    joined = await group.join("m1", **subscription)
    await group.commit(1, "m1", joined.member_epoch)
    await talk.broker.abandon()
    again = await open_broker()
    partition = OffsetDeletePartition(partition_index=0)
    request = OffsetDeleteRequest(group_id="g", topics=[OffsetDeleteTopic(name="t", partitions=[partition])])

    refused = await again.broker.handle(request)
    again.clock.jump_wall(2 * again.broker.config.offsets_retention_ms)
    forget_old(again.broker.groups)

    assert refused.topics[0].partitions[0].error_code is ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
    assert await Group(again).committed() == 1


async def test_an_empty_group_is_forgotten_with_its_offsets(talk: Any, group: Group) -> None:
    await talk.produce("t", b"a")
    joined = await group.join("m1")
    await group.commit(1, "m1", joined.member_epoch)
    week_ms = talk.broker.config.offsets_retention_ms
    for _ in range(2):
        talk.clock.jump_wall(week_ms)
        forget_old(talk.broker.groups)
    assert await group.committed() == 1

    await group.beat("m1", -1)
    forget_old(talk.broker.groups)
    assert await group.committed() == 1
    talk.clock.jump_wall(week_ms + 1)
    forget_old(talk.broker.groups)

    assert await group.listed() == []
