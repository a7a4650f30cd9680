"""The records of consumer groups (KIP-848) as Kafka's tools print them.

Owns: the names of their fields.
Must not know: how the records lie in bytes (``broker.groups.consumer.records``).
"""

from __future__ import annotations

import base64
from itertools import groupby
from typing import TYPE_CHECKING

from streamz_core.broker.groups.consumer.records import ConsumerKey, Kind, applied
from streamz_core.broker.groups.consumer.state import NONE, ConsumerGroup, ConsumerMember

if TYPE_CHECKING:
    from streamz_core.broker.groups.consumer.state import Partitions


def dumped_key(key: ConsumerKey) -> dict[str, object]:
    """What a record is about."""
    named: dict[str, object] = {"groupId": key.group_id}
    return {**named, "memberId": key.member_id} if key.member_id else named


def dumped_value(key: ConsumerKey, value: bytes | None) -> dict[str, object]:
    """What a record says. Raises ``CorruptState``."""
    if value is None:
        return {}
    group = applied(ConsumerGroup(group_id=key.group_id), key, value, -1)
    member = group.members.get(key.member_id, ConsumerMember(member_id=key.member_id))
    match key.kind:
        case Kind.GROUP:
            return {"epoch": group.epoch}
        case Kind.TARGET:
            return {"assignmentEpoch": group.target_epoch}
        case Kind.MEMBER_TARGET:
            return {"topicPartitions": _partitions(group.target.get(key.member_id, NONE))}
        case Kind.MEMBER_ASSIGNMENT:
            return {
                "memberEpoch": member.epoch,
                "previousMemberEpoch": member.previous_epoch,
                "state": int(member.state),
                "assignedPartitions": _partitions(member.assigned),
                "partitionsPendingRevocation": _partitions(member.revoking),
            }
        case Kind.MEMBER:
            return {
                "instanceId": member.instance_id,
                "rackId": member.rack_id,
                "clientId": member.client_id,
                "clientHost": member.client_host,
                "subscribedTopicNames": sorted(member.topics),
                "subscribedTopicRegex": member.regex,
                "rebalanceTimeoutMs": member.rebalance_timeout_ms,
                "serverAssignor": member.assignor,
            }


def _partitions(partitions: Partitions) -> list[dict[str, object]]:
    return [
        {
            "topicId": base64.urlsafe_b64encode(topic_id).rstrip(b"=").decode(),
            "partitions": [one.partition for one in found],
        }
        for topic_id, found in groupby(sorted(partitions), key=lambda one: one.topic_id)
    ]
