"""What the APIs about groups and their offsets need.

Owns: their rows.
Must not know: who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    DescribedConsumerGroup,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from streamz_core.protocol.messages.delete_groups import DeletableGroupResult, DeleteGroupsRequest
from streamz_core.protocol.messages.describe_groups import DescribedGroup, DescribeGroupsRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartitionResponse,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitTopicResponse,
)
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartitionResponse,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteTopicResponse,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroupResponse,
    OffsetFetchPartitionResponse,
    OffsetFetchRequest,
    OffsetFetchTopicResponse,
)
from streamz_core.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse
from streamz_core.server.security.api import (
    DELETE_GROUP,
    DESCRIBE_CLUSTER,
    DESCRIBE_GROUP,
    DESCRIBE_TOPIC,
    READ_GROUP,
    READ_TOPIC,
    Api,
    by_name,
    by_name_or_id,
    itself,
)
from streamz_core.server.security.steps import Bits, Each, Shown, Split, Told, Whole

if TYPE_CHECKING:
    from streamz_core.errors import ErrorCode
    from streamz_core.protocol.messages.offset_commit import OffsetCommitTopic
    from streamz_core.server.security.asking import Asking


def the_group(request: Any) -> tuple[str]:
    """The group of a request about one."""
    return (request.group_id,)


def commit_refused(part: OffsetCommitTopic, code: ErrorCode) -> OffsetCommitTopicResponse:
    """What is answered for a topic whose offsets may not be committed."""
    partitions = [
        OffsetCommitPartitionResponse(partition_index=one.partition_index, error_code=code)
        for one in part.partitions
    ]
    return OffsetCommitTopicResponse(name=part.name, topic_id=part.topic_id, partitions=partitions)


class _OffsetsOfTopics:
    """OffsetFetch: what is committed for a topic. What was asked for by name is refused, what was not is left out."""

    rules: Final = DESCRIBE_TOPIC
    scope: Final = "each topic of a group's offsets"

    def split(self, asking: Asking, request: OffsetFetchRequest) -> Split:
        """See ``Step``."""
        asks_for_all = {group.group_id for group in request.groups if group.topics is None}

        def finish(answer: Any) -> Any:
            groups = [self._shown(asking, group, group.group_id in asks_for_all) for group in answer.groups]
            return msgspec.structs.replace(answer, groups=groups)

        return Split(request, finish)

    def _shown(
        self, asking: Asking, group: OffsetFetchGroupResponse, leaves_out: bool
    ) -> OffsetFetchGroupResponse:
        step = Shown(
            self.rules,
            "topics",
            lambda asking, part: (asking.name_of(part.name, part.topic_id),),
            None if leaves_out else _offsets_refused,
        )
        shown: OffsetFetchGroupResponse = step.split(asking, None).finish(group)
        return shown


def _offsets_refused(part: OffsetFetchTopicResponse, code: ErrorCode) -> OffsetFetchTopicResponse:
    partitions = [
        OffsetFetchPartitionResponse(partition_index=one.partition_index, error_code=code)
        for one in part.partitions
    ]
    return msgspec.structs.replace(part, partitions=partitions)


def _topics_of_members(_asking: Asking, group: DescribedConsumerGroup) -> list[str]:
    names = {name for member in group.members for name in member.subscribed_topic_names}
    for member in group.members:
        for assignment in (member.assignment, member.target_assignment):
            names |= {one.topic_name for one in assignment.topic_partitions}
    return sorted(names)


def _without_members(group: DescribedConsumerGroup, code: ErrorCode) -> DescribedConsumerGroup:
    message = "the group has topics that this user may not describe"
    return DescribedConsumerGroup(group_id=group.group_id, error_code=code, error_message=message)


GROUP_APIS: Final = (
    Api(
        OffsetCommitRequest,
        (
            Whole(
                READ_GROUP,
                names=the_group,
                refused=lambda request, code: OffsetCommitResponse(
                    topics=[commit_refused(one, code) for one in request.topics]
                ),
            ),
            Each(READ_TOPIC, "topics", "topics", commit_refused, by_name_or_id),
        ),
    ),
    Api(
        OffsetFetchRequest,
        (
            Each(
                DESCRIBE_GROUP,
                "groups",
                "groups",
                lambda part, code: OffsetFetchGroupResponse(
                    group_id=part.group_id, topics=[], error_code=code
                ),
                lambda _, part: part.group_id,
            ),
            _OffsetsOfTopics(),
        ),
    ),
    Api(
        JoinGroupRequest,
        (
            Whole(
                READ_GROUP,
                names=the_group,
                refused=lambda request, code: JoinGroupResponse(
                    error_code=code, member_id=request.member_id, members=[]
                ),
            ),
        ),
    ),
    Api(
        SyncGroupRequest,
        (Whole(READ_GROUP, names=the_group, refused=lambda _, code: SyncGroupResponse(error_code=code)),),
    ),
    Api(
        HeartbeatRequest,
        (Whole(READ_GROUP, names=the_group, refused=lambda _, code: HeartbeatResponse(error_code=code)),),
    ),
    Api(
        LeaveGroupRequest,
        (
            Whole(
                READ_GROUP,
                names=the_group,
                refused=lambda _, code: LeaveGroupResponse(error_code=code, members=[]),
            ),
        ),
    ),
    Api(
        DescribeGroupsRequest,
        (
            Each(
                DESCRIBE_GROUP,
                "groups",
                "groups",
                lambda part, code: DescribedGroup(group_id=part, error_code=code, members=[]),
                itself,
            ),
            Bits(DESCRIBE_GROUP, "authorized_operations", "groups", lambda part: part.group_id),
        ),
    ),
    Api(
        ListGroupsRequest,
        (Shown((*DESCRIBE_CLUSTER, *DESCRIBE_GROUP), "groups", lambda _, part: (part.group_id,)),),
    ),
    Api(
        DeleteGroupsRequest,
        (
            Each(
                DELETE_GROUP,
                "groups_names",
                "results",
                lambda part, code: DeletableGroupResult(group_id=part, error_code=code),
                itself,
            ),
        ),
    ),
    Api(
        OffsetDeleteRequest,
        (
            Whole(
                DELETE_GROUP,
                names=the_group,
                refused=lambda _, code: OffsetDeleteResponse(error_code=code, topics=[]),
            ),
            Each(
                READ_TOPIC,
                "topics",
                "topics",
                lambda part, code: OffsetDeleteTopicResponse(
                    name=part.name,
                    partitions=[
                        OffsetDeletePartitionResponse(partition_index=one.partition_index, error_code=code)
                        for one in part.partitions
                    ],
                ),
                by_name,
            ),
        ),
    ),
    Api(
        ConsumerGroupHeartbeatRequest,
        (
            Whole(
                READ_GROUP,
                names=the_group,
                refused=lambda _, code: ConsumerGroupHeartbeatResponse(error_code=code),
            ),
            Whole(
                DESCRIBE_TOPIC,
                names=lambda request: request.subscribed_topic_names or (),
                refused=lambda _, code: ConsumerGroupHeartbeatResponse(error_code=code),
                scope="every topic subscribed to by name",
            ),
            Told(DESCRIBE_TOPIC, "may_describe", "each topic that its regular expression is to mean"),
        ),
    ),
    Api(
        ConsumerGroupDescribeRequest,
        (
            Each(
                DESCRIBE_GROUP,
                "group_ids",
                "groups",
                lambda part, code: DescribedConsumerGroup(group_id=part, error_code=code),
                itself,
            ),
            Shown(
                DESCRIBE_TOPIC,
                "groups",
                _topics_of_members,
                _without_members,
                scope="every topic of a group's members",
            ),
            Bits(DESCRIBE_GROUP, "authorized_operations", "groups", lambda part: part.group_id),
        ),
    ),
)
