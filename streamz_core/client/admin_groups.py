"""Administering consumer groups and what they committed.

Owns: the admin client's methods about groups, their offsets and coordinators.
Must not know: how groups work, topics.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from streamz_core.client.admin_answers import (
    GroupDescription,
    GroupMember,
    GroupsAnswer,
    RemovedMember,
    RemovedMembersAnswer,
)
from streamz_core.client.admin_arguments import list_of, one_of
from streamz_core.client.admin_session import AdminSession, raise_for
from streamz_core.client.consumer.offset_requests import commit_offsets
from streamz_core.client.consumer.subscription import check_partitions
from streamz_core.client.errors import IllegalArgumentError
from streamz_core.client.group_metadata import GroupMetadata
from streamz_core.client.offsets import check_offsets
from streamz_core.errors import ErrorCode
from streamz_core.model import OffsetAndMetadata, TopicPartition
from streamz_core.protocol.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.request import Requests
    from streamz_core.protocol.messages.describe_groups import DescribedGroup
    from streamz_core.protocol.messages.offset_delete import OffsetDeleteResponse

_REMOVAL_REASON: Final = "removed by an administrator"


class GroupAdministration(AdminSession):
    """Groups, their members and their committed offsets."""

    async def describe_consumer_groups(
        self,
        group_ids: Iterable[str],
        group_coordinator_id: int | None = None,
        include_authorized_operations: bool = False,
    ) -> list[GroupsAnswer]:
        """Groups with their state and members: one answer, as there is one coordinator."""
        requests = self._requests()
        self._check_node("group_coordinator_id", group_coordinator_id)
        names = list_of(str, "group_ids", group_ids)
        if not names:
            return []
        request = DescribeGroupsRequest(
            groups=names, include_authorized_operations=include_authorized_operations
        )
        answer = await requests.send(request, f"describing groups {names}")
        for group in answer.groups:
            if group.error_code != ErrorCode.GROUP_ID_NOT_FOUND:  # it is Dead, which is no error to aiokafka
                raise_for(group.error_code, f"group {group.group_id!r} was not described")
        groups = [_description(group) for group in answer.groups]
        return [GroupsAnswer(throttle_time_ms=answer.throttle_time_ms, groups=groups)]

    async def list_consumer_groups(self, broker_ids: Iterable[int] | None = None) -> list[tuple[str, str]]:
        """(group id, protocol type) of every group that ``broker_ids``, or all brokers, coordinate."""
        requests = self._requests()
        for broker_id in list_of(int, "broker_ids", broker_ids or ()):
            self._check_node("broker_ids", broker_id)
        answer = await requests.settled(
            ListGroupsRequest(), "listing groups", lambda response: response.error_code
        )
        return [(group.group_id, group.protocol_type) for group in answer.groups]

    async def delete_consumer_groups(self, group_ids: Iterable[str]) -> None:
        """Forget groups and their offsets; ``NonEmptyGroup`` for one with members."""
        names = list_of(str, "group_ids", group_ids)
        answer = await self._requests().send(
            DeleteGroupsRequest(groups_names=names), f"deleting groups {names}"
        )
        for result in answer.results:
            raise_for(result.error_code, f"group {result.group_id!r} was not deleted")

    async def remove_members(
        self, group_id: str, members: Iterable[str] | None = None
    ) -> RemovedMembersAnswer:
        """Take members out of a group, whose partitions the others get at once (KIP-345, KIP-800).

        ``members`` are ``group.instance.id``; None is every member there is, static or not. A member whose
        process still runs joins again: stop it first. A member without an instance that speaks the protocol of
        KIP-848 cannot be removed: its own code is ``UNKNOWN_MEMBER_ID``. Raises ``GroupIdNotFound``.

            (await admin.remove_members("shop", ["till-3"])).raise_for_errors()
        """
        requests = self._requests()
        group = one_of(str, "group_id", group_id)
        what = f"removing members of group {group!r}"
        if members is None:
            leaving = await _members(requests, group)
        else:
            leaving = [_leaving("", instance) for instance in list_of(str, "members", members)]
            if not leaving:
                raise IllegalArgumentError(
                    "members=[]: name a group.instance.id, or give None for all members"
                )
        if not leaving:
            return RemovedMembersAnswer(group_id=group)
        request = LeaveGroupRequest(group_id=group, members=leaving)
        answer = await requests.settled(request, what, lambda response: response.error_code)
        removed = [
            RemovedMember(member.member_id, member.group_instance_id, int(member.error_code))
            for member in answer.members
        ]
        return RemovedMembersAnswer(throttle_time_ms=answer.throttle_time_ms, group_id=group, members=removed)

    async def find_coordinator(self, group_id: str, coordinator_type: int = 0) -> int:
        """The node that coordinates a group, or with type 1 a transactional id."""
        self._requests()
        if coordinator_type not in (0, 1):
            raise IllegalArgumentError(
                f"coordinator_type={coordinator_type!r}: must be 0, of a group, or 1, of a transactional id"
            )
        return await self._client.coordinator_lookup(coordinator_type, one_of(str, "group_id", group_id))

    async def list_consumer_group_offsets(
        self,
        group_id: str,
        group_coordinator_id: int | None = None,
        partitions: Iterable[TopicPartition] | None = None,
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """What a group committed; of ``partitions`` (-1 where nothing is), or of all it has committed."""
        requests = self._requests()
        self._check_node("group_coordinator_id", group_coordinator_id)
        topics = None
        if partitions is not None:
            topics = [
                OffsetFetchTopic(name=topic, partition_indexes=indexes)
                for topic, indexes in _by_topic(partitions)
            ]
        what = f"committed offsets of group {one_of(str, 'group_id', group_id)!r}"
        request = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id=group_id, topics=topics)])
        answer = await requests.settled(request, what, lambda response: response.groups[0].error_code)
        found = {}
        for topic in answer.groups[0].topics:
            for partition in topic.partitions:
                key = TopicPartition(topic.name, partition.partition_index)
                raise_for(partition.error_code, f"{what} of {key.topic!r} partition {key.partition}")
                found[key] = OffsetAndMetadata(partition.committed_offset, partition.metadata or "")
        return found

    async def alter_consumer_group_offsets(
        self, group_id: str, offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]]
    ) -> None:
        """Set the committed offsets of a group without members; ``CommitFailedError`` for one with some."""
        group = GroupMetadata(one_of(str, "group_id", group_id))
        await commit_offsets(self._requests(), group, check_offsets(offsets))

    async def delete_consumer_group_offsets(
        self, group_id: str, partitions: Iterable[TopicPartition]
    ) -> None:
        """Take back what a group committed for ``partitions``, which no member may be reading (KIP-496).

        Raises ``GroupIdNotFound``, or what the first partition failed with; the others are taken back then.
        """
        topics = [
            OffsetDeleteTopic(
                name=topic,
                partitions=[OffsetDeletePartition(partition_index=index) for index in indexes],
            )
            for topic, indexes in _by_topic(partitions)
        ]
        what = f"offsets of group {one_of(str, 'group_id', group_id)!r} were not deleted"
        request = OffsetDeleteRequest(group_id=group_id, topics=topics)
        answer = await self._requests().settled(request, what, _deletion_error)
        for topic in answer.topics:
            for result in topic.partitions:
                place = f"{topic.name!r} partition {result.partition_index}"
                raise_for(result.error_code, f"{what}: that of {place}")


async def _members(requests: Requests, group_id: str) -> list[MemberIdentity]:
    """Everybody in the group, whichever protocol its members speak; raises ``GroupIdNotFound``."""
    what = f"describing group {group_id!r}"
    (classic,) = (await requests.send(DescribeGroupsRequest(groups=[group_id]), what)).groups
    if classic.error_code != ErrorCode.GROUP_ID_NOT_FOUND and classic.group_state != "Dead":
        raise_for(classic.error_code, f"group {group_id!r} was not described")
        return [_leaving(member.member_id, member.group_instance_id) for member in classic.members]
    request = ConsumerGroupDescribeRequest(group_ids=[group_id])
    (group,) = (await requests.send(request, what)).groups
    raise_for(group.error_code, f"group {group_id!r} was not described")
    return [_leaving(member.member_id, member.instance_id) for member in group.members]


def _leaving(member_id: str, instance_id: str | None) -> MemberIdentity:
    """A static member by its instance alone: whichever process has it at that moment goes."""
    known = member_id if instance_id is None else ""
    return MemberIdentity(member_id=known, group_instance_id=instance_id, reason=_REMOVAL_REASON)


def _deletion_error(answer: OffsetDeleteResponse) -> int:
    """What concerns the whole request: the group is refused, or a transaction that it waits for is open."""
    codes = {result.error_code for topic in answer.topics for result in topic.partitions}
    is_unstable = ErrorCode.UNSTABLE_OFFSET_COMMIT in codes
    return ErrorCode.UNSTABLE_OFFSET_COMMIT if is_unstable else answer.error_code


def _by_topic(partitions: Iterable[TopicPartition]) -> list[tuple[str, list[int]]]:
    wanted = list(partitions)
    check_partitions(wanted)
    return [
        (topic, [partition.partition for partition in of_topic])
        for topic, of_topic in groupby(sorted(set(wanted)), key=lambda partition: partition.topic)
    ]


def _description(group: DescribedGroup) -> GroupDescription:
    return GroupDescription(
        int(ErrorCode.NONE),
        group.group_id,
        group.group_state,
        group.protocol_type,
        group.protocol_data,
        [
            GroupMember(m.member_id, m.client_id, m.client_host, m.member_metadata, m.member_assignment)
            for m in group.members
        ],
        group.authorized_operations,
    )
