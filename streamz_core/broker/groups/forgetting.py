"""How committed offsets, and groups, come to an end.

Owns: deletion by request, by age, and with a topic; which offsets each of them may take.
Must not know: how a group decides.

Ages are Kafka's (KIP-211): offsets of a group without members from when it lost the last one, those of a group
that never had any from their commit, those of topics that a working group no longer reads from their commit.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep
from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.broker.groups.records import is_valid_group_id
from streamz_core.broker.groups.state import Group, GroupState
from streamz_core.broker.groups.subscriptions import subscribed_topics
from streamz_core.broker.log_failures import LOG_FAILURES, code_of
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import PROTOCOL_TYPE
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartitionResponse,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteTopicResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.groups.coordinator import AnyGroup, GroupCoordinator
    from streamz_core.broker.groups.offsets import GroupOffsets

_log = logging.getLogger(__name__)


async def delete_group(coordinator: GroupCoordinator, group_id: str) -> ErrorCode:
    """Forget a group without members, and its offsets, durably."""
    live = coordinator.get(group_id)
    if live is None:
        return ErrorCode.GROUP_ID_NOT_FOUND if is_valid_group_id(group_id) else ErrorCode.INVALID_GROUP_ID
    if live.group.empty_since_ms is None:
        return ErrorCode.NON_EMPTY_GROUP
    try:
        last = coordinator.offsets_log.write_tombstones(
            group_id, live.offsets.partitions, live.removal_keys()
        )
        assert last is not None
        # The table forgets it in the same turn in which the log does.
        error = live.die()
        await coordinator.services.durable(coordinator.offsets_log.partition_log(group_id), last + 1)
    except LOG_FAILURES as failure:
        return code_of(failure)
    return error


async def delete_offsets(coordinator: GroupCoordinator, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """OffsetDelete: durable when it is answered."""
    live = coordinator.get(request.group_id)
    if live is None:
        is_valid = is_valid_group_id(request.group_id)
        error = ErrorCode.GROUP_ID_NOT_FOUND if is_valid else ErrorCode.INVALID_GROUP_ID
        return OffsetDeleteResponse(error_code=error, topics=[])
    error = _deletion_error(live.group)
    if error is not ErrorCode.NONE:
        return OffsetDeleteResponse(error_code=error, topics=[])
    asked = [TopicPartition(t.name, p.partition_index) for t in request.topics for p in t.partitions]
    errors = {partition: _offset_error(coordinator, live, partition) for partition in asked}
    going = [partition for partition, code in errors.items() if code is ErrorCode.NONE]
    try:
        last = forget(coordinator, live, [partition for partition in going if live.offsets.knows(partition)])
        if last is not None:
            log = coordinator.offsets_log.partition_log(request.group_id)
            await coordinator.services.durable(log, last + 1)
    except LOG_FAILURES as failure:
        errors.update(dict.fromkeys(going, code_of(failure)))
    coordinator.drop_if_unused(live)
    return OffsetDeleteResponse(
        topics=[
            OffsetDeleteTopicResponse(
                name=topic.name,
                partitions=[
                    OffsetDeletePartitionResponse(
                        partition_index=p.partition_index,
                        error_code=errors[TopicPartition(topic.name, p.partition_index)],
                    )
                    for p in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _deletion_error(group: Group | ConsumerGroup) -> ErrorCode:
    """Members of another kind than consumers may rely on any offset of their group."""
    if isinstance(group, ConsumerGroup):
        return ErrorCode.NONE
    if group.state is GroupState.EMPTY or group.protocol_type == PROTOCOL_TYPE:
        return ErrorCode.NONE
    return ErrorCode.NON_EMPTY_GROUP


def _offset_error(coordinator: GroupCoordinator, live: AnyGroup, partition: TopicPartition) -> ErrorCode:
    if live.offsets.is_unstable(partition):
        # Its transaction would end as committed and the offset be lost: ask again when it has ended.
        return ErrorCode.UNSTABLE_OFFSET_COMMIT
    if coordinator.services.log(*partition) is None and not live.offsets.knows(partition):
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if live.group.empty_since_ms is not None:
        return ErrorCode.NONE
    topics = subscribed_topics(live.group)
    is_free = topics is not None and partition.topic not in topics
    return ErrorCode.NONE if is_free else ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC


def forget_topic(coordinator: GroupCoordinator, topic: str) -> None:
    """Offsets in a topic that is gone would be read as offsets in its successor of the same name."""
    for live in coordinator.groups():
        gone = [partition for partition in live.offsets.partitions if partition.topic == topic]
        try:
            forget(coordinator, live, gone)
        except LOG_FAILURES as failure:
            _log.error("group %r keeps offsets of deleted %s: %s", live.group.group_id, topic, failure)


async def forget_regularly(coordinator: GroupCoordinator) -> None:
    """``forget_old`` every ``retention_check_interval_ms``, for ever."""
    services = coordinator.services
    while True:
        await sleep(services.clock, services.config.retention_check_interval_ms)
        forget_old(coordinator)


def forget_old(coordinator: GroupCoordinator) -> None:
    """Forget offsets past their age, and groups of which nothing is left; no live group loses its own (G7)."""
    config = coordinator.services.config
    before_ms = coordinator.services.clock.now_ms() - config.offsets_retention_ms
    for live in coordinator.groups():
        try:
            forget(coordinator, live, expired(live.group, live.offsets, before_ms))
            if _is_over(live, before_ms):
                coordinator.offsets_log.write_tombstones(live.group.group_id, [], live.removal_keys())
                live.die()
        except LOG_FAILURES as failure:
            _log.warning("group %r keeps old offsets until the next check: %s", live.group.group_id, failure)


def expired(group: Group | ConsumerGroup, offsets: GroupOffsets, before_ms: int) -> list[TopicPartition]:
    """The offsets of ``group`` that have been of no use to it since before ``before_ms``."""
    if group.empty_since_ms is not None:
        return offsets.older_than(before_ms) if group.empty_since_ms < before_ms else []
    if isinstance(group, Group) and group.state is not GroupState.STABLE:
        return []
    topics = subscribed_topics(group)
    if topics is None:
        return []
    return [partition for partition in offsets.older_than(before_ms) if partition.topic not in topics]


def _is_over(live: AnyGroup, before_ms: int) -> bool:
    empty_since_ms = live.group.empty_since_ms
    is_idle = empty_since_ms is not None and empty_since_ms < before_ms and not live.is_awaited
    return is_idle and live.offsets.is_empty


def forget(coordinator: GroupCoordinator, live: AnyGroup, partitions: list[TopicPartition]) -> int | None:
    """Take offsets back, in the log and in memory; the last record's offset, None where there are none.

    Raises what ``PartitionLog.append`` raises.
    """
    last = coordinator.offsets_log.write_tombstones(live.group.group_id, partitions)
    live.offsets.forget(partitions)
    return last
