"""Asking for offsets, and committing them.

Owns: the requests about offsets: by time, ends of the log, committed ones.
Must not know: where a consumer is; when to commit.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streamz_core.client.errors import CommitFailedError, KafkaError, error_for
from streamz_core.client.producer.transactions import offset_topics
from streamz_core.client.request import name_of
from streamz_core.errors import ErrorCode
from streamz_core.model import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchResponse,
    OffsetFetchTopic,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.group_metadata import GroupMetadata
    from streamz_core.client.request import Requests

T = TypeVar("T")

_GONE = (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,)
"""Not asked again about: who waits for a deleted topic holds up the other partitions."""
_LEFT_BEHIND = (
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.REBALANCE_IN_PROGRESS,
)


async def list_offsets(
    requests: Requests, timestamps: Mapping[TopicPartition, int], isolation: IsolationLevel
) -> dict[TopicPartition, OffsetAndTimestamp]:
    """The offset at each time in ms, or at one of the special timestamps; offset -1 where there is none.

    Raises ``UnknownTopicOrPartitionError`` at once, its like once repeating is of no use.
    """
    request = ListOffsetsRequest(
        isolation_level=isolation,
        topics=[
            ListOffsetsTopic(
                name=topic,
                partitions=[
                    ListOffsetsPartition(partition_index=p.partition, timestamp=timestamps[p])
                    for p in partitions
                ],
            )
            for topic, partitions in _by_topic(timestamps)
        ],
    )
    answer = await requests.settled(request, f"offsets of {_names(timestamps)}", _list_error, final=_GONE)
    return {
        TopicPartition(topic.name, found.partition_index): OffsetAndTimestamp(found.offset, found.timestamp)
        for topic in answer.topics
        for found in topic.partitions
    }


async def fetch_committed(
    requests: Requests, group_id: str, partitions: Iterable[TopicPartition], *, require_stable: bool
) -> dict[TopicPartition, OffsetAndMetadata]:
    """What the group committed; partitions without a commit are left out.

    ``require_stable`` waits for transactions that are about to commit offsets of them.
    """
    wanted = list(partitions)
    topics = [
        OffsetFetchTopic(name=topic, partition_indexes=[p.partition for p in of_topic])
        for topic, of_topic in _by_topic(wanted)
    ]
    request = OffsetFetchRequest(
        groups=[OffsetFetchGroup(group_id=group_id, topics=topics)], require_stable=require_stable
    )
    answer = await requests.settled(
        request, f"committed offsets of group {group_id!r} for {_names(wanted)}", _fetch_error
    )
    return {
        TopicPartition(topic.name, found.partition_index): OffsetAndMetadata(
            found.committed_offset, found.metadata or ""
        )
        for group in answer.groups
        for topic in group.topics
        for found in topic.partitions
        if found.committed_offset >= 0
    }


async def commit_offsets(
    requests: Requests, member: GroupMetadata, offsets: Mapping[TopicPartition, OffsetAndMetadata]
) -> None:
    """Commit ``offsets`` as ``member``; ``CommitFailedError`` where its generation is over."""
    request = OffsetCommitRequest(
        group_id=member.group_id,
        generation_id_or_member_epoch=member.generation_id,
        member_id=member.member_id,
        group_instance_id=member.group_instance_id,
        topics=offset_topics(offsets),
    )
    what = _Commit(member.group_id, offsets)
    try:
        await requests.settled(request, what, _commit_error, final=_GONE)
    except KafkaError as error:
        code = getattr(error, "errno", None)
        if code not in _LEFT_BEHIND:
            raise
        raise CommitFailedError(
            f"{what}: {name_of(code)}: the group has rebalanced, the partitions may have another owner; "
            "process faster, or raise max_poll_interval_ms or session_timeout_ms"
        ) from error_for(code, str(what))


class _Commit(NamedTuple):
    """What is to be committed, as errors name it: put into words only where there is one."""

    group_id: str
    offsets: Mapping[TopicPartition, OffsetAndMetadata]

    def __str__(self) -> str:
        return f"committing offsets of group {self.group_id!r} for {_names(self.offsets)}"


def _by_topic(partitions: Iterable[TopicPartition]) -> list[tuple[str, list[TopicPartition]]]:
    return [(topic, list(found)) for topic, found in groupby(sorted(partitions), key=lambda p: p.topic)]


def _names(partitions: Iterable[TopicPartition]) -> str:
    return ", ".join(f"{topic}-{partition}" for topic, partition in sorted(partitions))


def _list_error(answer: ListOffsetsResponse) -> int:
    return _worst(found.error_code for topic in answer.topics for found in topic.partitions)


def _fetch_error(answer: OffsetFetchResponse) -> int:
    return _worst(group.error_code for group in answer.groups) or _worst(
        found.error_code for group in answer.groups for topic in group.topics for found in topic.partitions
    )


def _commit_error(answer: OffsetCommitResponse) -> int:
    return _worst(found.error_code for topic in answer.topics for found in topic.partitions)


def _worst(codes: Iterable[ErrorCode]) -> int:
    """The code to act on: one that no repeating helps against before one that it may."""
    errors = sorted((code for code in codes if code != ErrorCode.NONE), key=lambda code: code.is_retriable)
    return errors[0] if errors else ErrorCode.NONE
