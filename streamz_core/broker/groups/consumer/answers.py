"""What members and administrators are told of a consumer group.

Owns: the way from steps and groups to responses.
Must not know: how either came about.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from streamz_core.broker.groups.consumer.state import NONE
from streamz_core.broker.groups.consumer.targets import chosen_assignor
from streamz_core.protocol.messages.consumer_group_describe import (
    DescribedAssignment,
    DescribedConsumer,
    DescribedConsumerGroup,
    DescribedTopicPartitions,
    MemberType,
)
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupAssignment,
    ConsumerGroupHeartbeatResponse,
    ConsumerGroupTopicPartitions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.broker.groups.consumer.membership import Step
    from streamz_core.broker.groups.consumer.state import ConsumerGroup, ConsumerMember, Partitions


def heartbeat_answer(step: Step, member_id: str, interval_ms: int) -> ConsumerGroupHeartbeatResponse:
    """What a member is told."""
    assignment = None
    if step.assignment is not None:
        assignment = ConsumerGroupAssignment(
            topic_partitions=[
                ConsumerGroupTopicPartitions(topic_id=topic_id, partitions=numbers)
                for topic_id, numbers in _by_topic(step.assignment)
            ]
        )
    return ConsumerGroupHeartbeatResponse(
        member_id=member_id,
        member_epoch=step.epoch,
        heartbeat_interval_ms=interval_ms,
        assignment=assignment,
    )


def described_group(group: ConsumerGroup, name_of: Callable[[UUID], str | None]) -> DescribedConsumerGroup:
    """The group as an administrator sees it; partitions of deleted topics are left out."""
    return DescribedConsumerGroup(
        group_id=group.group_id,
        group_state=group.state.value,
        group_epoch=group.epoch,
        assignment_epoch=group.target_epoch,
        assignor_name=chosen_assignor(group),
        members=[
            _described(member, group.target.get(member.member_id, NONE), name_of)
            for member in group.members.values()
        ],
    )


def _described(
    member: ConsumerMember, target: Partitions, name_of: Callable[[UUID], str | None]
) -> DescribedConsumer:
    return DescribedConsumer(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.topics),
        subscribed_topic_regex=member.regex,
        assignment=_assignment(member.assigned, name_of),
        target_assignment=_assignment(target, name_of),
        member_type=MemberType.CONSUMER if member.classic is None else MemberType.CLASSIC,
    )


def _assignment(partitions: Partitions, name_of: Callable[[UUID], str | None]) -> DescribedAssignment:
    found = ((topic_id, name_of(topic_id), numbers) for topic_id, numbers in _by_topic(partitions))
    return DescribedAssignment(
        topic_partitions=[
            DescribedTopicPartitions(topic_id=topic_id, topic_name=name, partitions=numbers)
            for topic_id, name, numbers in found
            if name is not None
        ]
    )


def _by_topic(partitions: Partitions) -> list[tuple[UUID, list[int]]]:
    return [
        (UUID(bytes=topic_id), [one.partition for one in found])
        for topic_id, found in groupby(sorted(partitions), key=lambda one: one.topic_id)
    ]
