"""ConsumerGroupDescribe (API key 69): groups of the consumer protocol.

Source: https://kafka.apache.org/protocol#The_Messages_ConsumerGroupDescribe, KIP-848, KIP-1099
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.request import Message, Request


class MemberType(IntEnum):
    """The protocol that a member speaks."""

    UNKNOWN = -1
    CLASSIC = 0
    CONSUMER = 1


class DescribedTopicPartitions(Message, frozen=True, kw_only=True):
    """Partitions of one topic."""

    topic_id: UUID
    topic_name: str
    partitions: Sequence[int]


class DescribedAssignment(Message, frozen=True, kw_only=True):
    """Partitions that a member has, or is to have."""

    topic_partitions: Sequence[DescribedTopicPartitions] = ()


class DescribedConsumer(Message, frozen=True, kw_only=True):
    """One member."""

    member_id: str
    instance_id: str | None = None
    rack_id: str | None = None
    member_epoch: int
    client_id: str = ""
    client_host: str = ""
    subscribed_topic_names: Sequence[str] = ()
    subscribed_topic_regex: str | None = None
    assignment: DescribedAssignment = DescribedAssignment()
    target_assignment: DescribedAssignment = DescribedAssignment()
    member_type: MemberType = MemberType.UNKNOWN


class DescribedConsumerGroup(Message, frozen=True, kw_only=True):
    """``group_state``: Empty, Assigning, Reconciling, Stable or Dead; GROUP_ID_NOT_FOUND for any other group."""

    group_id: str
    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    group_state: str = ""
    group_epoch: int = 0
    assignment_epoch: int = 0
    assignor_name: str = ""
    members: Sequence[DescribedConsumer] = ()
    authorized_operations: int = NOT_ASKED_FOR


class ConsumerGroupDescribeResponse(Message, frozen=True, kw_only=True):
    """One description per group asked for."""

    groups: list[DescribedConsumerGroup]
    throttle_time_ms: int = 0


class ConsumerGroupDescribeRequest(Request[ConsumerGroupDescribeResponse], frozen=True, kw_only=True):
    """Describe groups."""

    api_key: ClassVar[int] = 69
    group_ids: list[str]
    include_authorized_operations: bool = False
