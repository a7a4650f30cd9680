"""Committing and fetching offsets.

Owns: the answers to OffsetCommit, TxnOffsetCommit (the group's part of it) and OffsetFetch.
Must not know: membership beyond "may this member commit", transactions beyond a producer id.

Whether a commit is taken is decided and written within one turn of the event loop, so no rebalance can
come between; it is acknowledged, and shown to others, when it is durable. Before that the records it passes
over are: were they lost in a power cut and the commit not, the group would pass over those that come next.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from streamz_core.broker.groups.consumer import membership
from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.broker.groups.records import CommittedOffset, is_valid_group_id
from streamz_core.broker.groups.transitions import commit_error
from streamz_core.broker.log_failures import LOG_FAILURES, code_of
from streamz_core.broker.record_fields import is_writable
from streamz_core.broker.topic_ids import missing, resolve
from streamz_core.errors import ErrorCode
from streamz_core.model import Durability, TopicPartition
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartitionResponse,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitTopicResponse,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchGroupResponse,
    OffsetFetchPartitionResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    OffsetFetchTopic,
    OffsetFetchTopicResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.broker.groups.coordinator import AnyGroup, GroupCoordinator
    from streamz_core.broker.groups.state import Group
    from streamz_core.broker.services import BrokerServices
    from streamz_core.log.directory import LogDirectory
    from streamz_core.protocol.messages.offset_commit import OffsetCommitTopic
    from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest

_log = logging.getLogger(__name__)

Refusals = dict[TopicPartition, ErrorCode]


async def commit(coordinator: GroupCoordinator, request: OffsetCommitRequest) -> OffsetCommitResponse:
    """OffsetCommit: durable at the broker's level when it is answered."""
    request = _with_names(coordinator.services.directory, request)
    refused = await undurable(coordinator.services, request.topics)
    generation_id = request.generation_id_or_member_epoch
    error = _group_error(coordinator, request.group_id, generation_id)
    if error is not None:
        return OffsetCommitResponse(topics=answers(request.topics, error))
    live = coordinator.get_or_create(request.group_id)
    error = _commit_error(live.group, request, generation_id, is_transactional=False)
    if error is not None:
        coordinator.drop_if_unused(live)
        return OffsetCommitResponse(topics=answers(request.topics, error))
    offsets = _accepted(coordinator.services, request.topics, refused)
    live.heard_of(request.member_id)
    try:
        if offsets:
            written = coordinator.offsets_log.write_offsets(request.group_id, offsets)
            live.offsets.write(written)
            log = coordinator.offsets_log.partition_log(request.group_id)
            await coordinator.services.durable(log, max(c.record_offset for c in written.values()) + 1)
            live.offsets.settle(log.high_watermark)
    except LOG_FAILURES as failure:
        return OffsetCommitResponse(topics=answers(request.topics, code_of(failure)))
    finally:
        coordinator.drop_if_unused(live)
    return OffsetCommitResponse(topics=answers(request.topics, ErrorCode.NONE, refused))


def _with_names(directory: LogDirectory, request: OffsetCommitRequest) -> OffsetCommitRequest:
    """The request with the names of topics that it has by id only; without one where no topic has the id."""
    if all(topic.topic_id is None for topic in request.topics):
        return request
    topics = [
        msgspec.structs.replace(topic, name=resolve(directory, topic.name, topic.topic_id) or "")
        for topic in request.topics
    ]
    return msgspec.structs.replace(request, topics=topics)


async def commit_in_transaction(
    coordinator: GroupCoordinator, request: TxnOffsetCommitRequest, refused: Refusals
) -> list[OffsetCommitTopicResponse]:
    """TxnOffsetCommit, once the transaction has taken the offsets partition in; ``refused`` are ``undurable``.

    Durable when answered: a producer elsewhere outlives a power cut here, and would go on to commit its
    records without the offsets they came from.
    """
    offsets = _accepted(coordinator.services, request.topics, refused)
    if offsets:
        try:
            written = coordinator.offsets_log.write_offsets(
                request.group_id,
                offsets,
                producer_id=request.producer_id,
                producer_epoch=request.producer_epoch,
            )
            live = coordinator.get_or_create(request.group_id)
            live.offsets.hold(request.producer_id, written)
            live.heard_of(request.member_id)
            coordinator.hold_for(request.producer_id, request.group_id)
            log = coordinator.offsets_log.partition_log(request.group_id)
            await coordinator.services.durable(log, max(c.record_offset for c in written.values()) + 1)
        except LOG_FAILURES as failure:
            return answers(request.topics, code_of(failure))
    return answers(request.topics, ErrorCode.NONE, refused)


def transactional_commit_error(
    coordinator: GroupCoordinator, request: TxnOffsetCommitRequest
) -> ErrorCode | None:
    """Why the group refuses a transactional commit (KIP-447), or None."""
    error = _group_error(coordinator, request.group_id, request.generation_id)
    if error is not None:
        return error
    live = coordinator.get(request.group_id)
    if live is None:
        return None
    return _commit_error(live.group, request, request.generation_id, is_transactional=True)


def _commit_error(
    group: Group | ConsumerGroup,
    request: OffsetCommitRequest | TxnOffsetCommitRequest,
    epoch: int,
    *,
    is_transactional: bool,
) -> ErrorCode | None:
    if isinstance(group, ConsumerGroup):
        return membership.commit_error(
            group, member_epoch=epoch, member_id=request.member_id, is_transactional=is_transactional
        )
    return commit_error(
        group,
        generation_id=epoch,
        member_id=request.member_id,
        group_instance_id=request.group_instance_id,
        is_transactional=is_transactional,
    )


def _group_error(coordinator: GroupCoordinator, group_id: str, generation_id: int) -> ErrorCode | None:
    if not is_valid_group_id(group_id):
        return ErrorCode.INVALID_GROUP_ID
    if coordinator.get(group_id) is None and generation_id >= 0:
        return ErrorCode.ILLEGAL_GENERATION
    return None


async def undurable(services: BrokerServices, topics: Iterable[OffsetCommitTopic]) -> Refusals:
    """Make the records below the offsets durable; where that fails the offset must not be committed."""
    if services.config.durability is not Durability.SYNC:
        return {}
    waits = {}
    for topic in topics:
        for wanted in topic.partitions:
            log = services.log(topic.name, wanted.partition_index)
            if log is not None and log.durable_offset < (
                end := min(wanted.committed_offset, log.log_end_offset)
            ):
                waits[TopicPartition(topic.name, wanted.partition_index)] = services.durable(log, end)
    if not waits:
        return {}
    refused: Refusals = {}
    outcomes = await asyncio.gather(*waits.values(), return_exceptions=True)
    for partition, outcome in zip(waits, outcomes, strict=True):
        if isinstance(outcome, LOG_FAILURES):
            refused[partition] = code_of(outcome)
        elif outcome is not None:
            raise outcome
    return refused


def _accepted(
    services: BrokerServices, topics: Iterable[OffsetCommitTopic], refused: Refusals
) -> dict[TopicPartition, CommittedOffset]:
    """What is to be committed; what cannot be goes to ``refused``, partition by partition."""
    now_ms = services.clock.now_ms()
    metadata_bytes_max = services.config.offset_metadata_max_bytes
    offsets: dict[TopicPartition, CommittedOffset] = {}
    for topic in topics:
        for wanted in topic.partitions:
            partition = TopicPartition(topic.name, wanted.partition_index)
            metadata = wanted.committed_metadata or ""
            if partition in refused:
                continue
            if services.log(topic.name, wanted.partition_index) is None:
                is_unknown_id = not topic.name and topic.topic_id is not None
                refused[partition] = missing(topic.topic_id if is_unknown_id else None)
            elif metadata and not (is_writable(metadata) and len(metadata.encode()) <= metadata_bytes_max):
                refused[partition] = ErrorCode.OFFSET_METADATA_TOO_LARGE
            elif wanted.committed_offset < 0:
                refused[partition] = ErrorCode.OFFSET_OUT_OF_RANGE
            else:
                offsets[partition] = CommittedOffset(
                    wanted.committed_offset, wanted.committed_leader_epoch, metadata, now_ms
                )
    return offsets


def answers(
    topics: Iterable[OffsetCommitTopic], error: ErrorCode, refused: Mapping[TopicPartition, ErrorCode] = {}
) -> list[OffsetCommitTopicResponse]:
    """The same answer for every partition but those in ``refused``."""
    return [
        OffsetCommitTopicResponse(
            name=topic.name,
            topic_id=topic.topic_id,
            partitions=[
                OffsetCommitPartitionResponse(
                    partition_index=wanted.partition_index,
                    error_code=refused.get(TopicPartition(topic.name, wanted.partition_index), error)
                    if refused
                    else error,
                )
                for wanted in topic.partitions
            ],
        )
        for topic in topics
    ]


async def fetch(coordinator: GroupCoordinator, request: OffsetFetchRequest) -> OffsetFetchResponse:
    """OffsetFetch: sees every commit that was taken before it."""
    return OffsetFetchResponse(
        groups=[
            await _fetch_group(coordinator, group, require_stable=request.require_stable)
            for group in request.groups
        ]
    )


async def _fetch_group(
    coordinator: GroupCoordinator, asked: OffsetFetchGroup, *, require_stable: bool
) -> OffsetFetchGroupResponse:
    if not is_valid_group_id(asked.group_id):
        return OffsetFetchGroupResponse(
            group_id=asked.group_id, topics=[], error_code=ErrorCode.INVALID_GROUP_ID
        )
    live = coordinator.get(asked.group_id)
    if live is not None:
        error = _fetch_error(live.group, asked)
        if error is not None:
            return OffsetFetchGroupResponse(group_id=asked.group_id, topics=[], error_code=error)
        await _settled(coordinator, live)
    topics = _asked_for(live, coordinator.services.directory) if asked.topics is None else asked.topics
    return OffsetFetchGroupResponse(
        group_id=asked.group_id,
        topics=[
            _fetched_topic(live, topic, coordinator.services.directory, require_stable=require_stable)
            for topic in topics
        ],
    )


def _fetch_error(group: Group | ConsumerGroup, asked: OffsetFetchGroup) -> ErrorCode | None:
    """Only members of the consumer protocol say who they are; they are told if they were left behind."""
    if not isinstance(group, ConsumerGroup) or (asked.member_id is None and asked.member_epoch < 0):
        return None
    return membership.epoch_error(group, asked.member_id or "", asked.member_epoch)


async def _settled(coordinator: GroupCoordinator, live: AnyGroup) -> None:
    """Let every commit that was written before this call count, if it can."""
    written_end = live.offsets.written_end
    if written_end is None:
        return
    log = coordinator.offsets_log.partition_log(live.group.group_id)
    try:
        await coordinator.services.durable(log, written_end)
    except LOG_FAILURES as failure:
        _log.error("group %r: commits are not durable: %s", live.group.group_id, failure)
    live.offsets.settle(log.high_watermark)


def _fetched_topic(
    live: AnyGroup | None, asked: OffsetFetchTopic, directory: LogDirectory, *, require_stable: bool
) -> OffsetFetchTopicResponse:
    name = resolve(directory, asked.name, asked.topic_id)
    return OffsetFetchTopicResponse(
        name=asked.name if name is None else name,
        topic_id=asked.topic_id,
        partitions=[
            OffsetFetchPartitionResponse(partition_index=index, error_code=ErrorCode.UNKNOWN_TOPIC_ID)
            if name is None
            else _fetched(live, TopicPartition(name, index), require_stable=require_stable)
            for index in asked.partition_indexes
        ],
    )


def _asked_for(live: AnyGroup | None, directory: LogDirectory) -> list[OffsetFetchTopic]:
    """All that the group has, by name and by id."""
    asked: dict[str, list[int]] = {}
    for partition in live.offsets.partitions if live is not None else ():
        is_shown = live is not None and (live.offsets.get(partition) or live.offsets.is_unstable(partition))
        if is_shown:
            asked.setdefault(partition.topic, []).append(partition.partition)
    return [
        OffsetFetchTopic(name=name, topic_id=directory.topics[name].topic_id, partition_indexes=indexes)
        for name, indexes in asked.items()
        if name in directory.topics
    ]


def _fetched(
    live: AnyGroup | None, partition: TopicPartition, *, require_stable: bool
) -> OffsetFetchPartitionResponse:
    index = partition.partition
    if live is None:
        return OffsetFetchPartitionResponse(partition_index=index)
    if require_stable and live.offsets.is_unstable(partition):
        return OffsetFetchPartitionResponse(
            partition_index=index, error_code=ErrorCode.UNSTABLE_OFFSET_COMMIT
        )
    committed = live.offsets.get(partition)
    if committed is None:
        return OffsetFetchPartitionResponse(partition_index=index)
    return OffsetFetchPartitionResponse(
        partition_index=index,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
    )
