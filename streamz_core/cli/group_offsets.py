"""The offsets that verbs about groups ask for, as mappings from partition to offset.

Owns: the requests for committed offsets and for the ends of partitions, and reading their answers.
Must not know: what the offsets are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.cli.connection import CommandError
from streamz_core.cli.options import OptionError
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.client.link import Link
    from streamz_core.protocol.messages.offset_fetch import OffsetFetchPartitionResponse

Offsets = dict[TopicPartition, int]


def by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    """The partitions' numbers, by topic."""
    topics: dict[str, list[int]] = {}
    for topic, index in partitions:
        topics.setdefault(topic, []).append(index)
    return topics


def topic_and_indexes(text: str) -> tuple[str, set[int]]:
    """Read ``name`` or ``name:0,1``; no indexes mean all."""
    name, colon, indexes = text.partition(":")
    parts = indexes.split(",")
    if colon and not all(part.isascii() and part.isdigit() for part in parts):
        raise OptionError(f"--topic takes NAME or NAME:0,1,2, got {text!r}")
    return name, {int(part) for part in parts} if colon else set()


async def committed_offsets(link: Link, group: str) -> Offsets:
    """The offset of everything the group committed."""
    return {partition: one.committed_offset for partition, one in (await committed(link, group)).items()}


async def committed(link: Link, group: str) -> dict[TopicPartition, OffsetFetchPartitionResponse]:
    """Everything the group committed."""
    (found,) = (await link.send(OffsetFetchRequest(groups=[OffsetFetchGroup(group_id=group)]))).groups
    if found.error_code is not ErrorCode.NONE:
        raise CommandError(f"group {group!r}: its offsets cannot be read: {found.error_code.name}")
    return {
        TopicPartition(topic.name, part.partition_index): part
        for topic in found.topics
        for part in topic.partitions
        if part.committed_offset >= 0
    }


async def offsets_at(link: Link, partitions: Iterable[TopicPartition], timestamp: int) -> Offsets:
    """The offset at a time or an end; a partition that is not there, or failed, is left out.

    The offset is -1 where no record is at or after the time.
    """
    named = [
        ListOffsetsTopic(
            name=topic,
            partitions=[ListOffsetsPartition(partition_index=i, timestamp=timestamp) for i in indexes],
        )
        for topic, indexes in by_topic(partitions).items()
    ]
    response = await link.send(ListOffsetsRequest(topics=named))
    return {
        TopicPartition(topic.name, part.partition_index): part.offset
        for topic in response.topics
        for part in topic.partitions
        if part.error_code is ErrorCode.NONE
    }
