"""How committed offsets are taken back.

Owns: the answer to OffsetDelete (KIP-496).
Must not know: how offsets are committed, membership beyond whether there is any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.broker.groups.coordinator import is_valid_group_id
from streamz_core.broker.groups.state import GroupState
from streamz_core.broker.log_failures import LOG_FAILURES, code_of
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartitionResponse,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteTopicResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.broker.groups.coordinator import GroupCoordinator
    from streamz_core.broker.groups.live_group import LiveGroup
    from streamz_core.broker.services import BrokerServices


async def delete_offsets(coordinator: GroupCoordinator, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    """OffsetDelete: durable when it is answered.

    Stricter than Kafka, which takes back offsets of a group with members where none reads the topic: who
    reads what is between the members and their assignor.
    """
    live = coordinator.get(request.group_id)
    if live is None:
        is_valid = is_valid_group_id(request.group_id)
        return _refused(ErrorCode.GROUP_ID_NOT_FOUND if is_valid else ErrorCode.INVALID_GROUP_ID)
    await live.settled()
    if live.group.state is not GroupState.EMPTY:
        return _refused(ErrorCode.NON_EMPTY_GROUP)
    asked = [TopicPartition(t.name, p.partition_index) for t in request.topics for p in t.partitions]
    try:
        await _forget(coordinator, live, set(asked) & set(live.offsets.partitions))
    except LOG_FAILURES as failure:
        return _refused(code_of(failure))
    finally:
        coordinator.drop_if_unused(live)
    return OffsetDeleteResponse(
        topics=[
            OffsetDeleteTopicResponse(
                name=topic.name,
                partitions=[
                    OffsetDeletePartitionResponse(
                        partition_index=p.partition_index,
                        error_code=_outcome(coordinator.services, topic.name, p.partition_index),
                    )
                    for p in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


async def _forget(
    coordinator: GroupCoordinator, live: LiveGroup, partitions: Iterable[TopicPartition]
) -> None:
    group_id = live.group.group_id
    gone = sorted(partitions)
    last = coordinator.offsets_log.write_tombstones(group_id, gone, with_group=False)
    if last is None:
        return
    # The table forgets them in the same turn in which the log does.
    live.offsets.forget(gone)
    await coordinator.services.durable(coordinator.offsets_log.partition_log(group_id), last + 1)


def _outcome(services: BrokerServices, topic: str, partition: int) -> ErrorCode:
    is_there = services.log(topic, partition) is not None
    return ErrorCode.NONE if is_there else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def _refused(error: ErrorCode) -> OffsetDeleteResponse:
    return OffsetDeleteResponse(error_code=error, topics=[])
