"""``GroupOffsets``: where the tasks' input partitions go on.

Owns: reading committed offsets once they are stable, the bounds of logs, and what happens where an
offset is missing or outside its log.
Must not know: consumers, tasks, records.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from streamz_core.client.errors import UnsupportedVersionError, error_for
from streamz_core.errors import ErrorCode, Fatal
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.list_offsets import (
    DELETIONS_KEPT_TIMESTAMP,
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchResponse,
    OffsetFetchTopic,
)
from streamz_core.streams.runtime.config import OffsetReset
from streamz_core.streams.runtime.positions import CommittedPosition, stream_time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.request import Requests
    from streamz_core.protocol.messages.list_offsets import ListOffsetsResponse
    from streamz_core.streams.runtime.config import RuntimeConfig

_log = logging.getLogger(__name__)

_NOT_COMMITTED: Final = -1


class OffsetOutOfRange(Fatal):
    """A partition cannot be read from where the group left it."""


class GroupOffsets:
    """Committed offsets of one group, and log bounds."""

    def __init__(
        self, requests: Requests, config: RuntimeConfig, resets: Mapping[str, OffsetReset] | None = None
    ) -> None:
        """``config`` names the group and what to do where an offset is missing or out of range.

        ``resets`` says by topic where a partition is begun, where that is not as ``config`` says.
        """
        self._requests = requests
        self._resets = resets or {}
        self._config = config

    async def positions(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, CommittedPosition]:
        """Where each partition goes on; waits while a transaction over its offset is open."""
        wanted = list(partitions)
        committed = await self._committed(wanted)
        bounds = await self.bounds(wanted)
        return {
            partition: self._position(partition, committed[partition], bounds[partition])
            for partition in wanted
        }

    async def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """First offset and read_committed end of each partition."""
        wanted = list(partitions)
        first = await self._list(wanted, EARLIEST_TIMESTAMP)
        end = await self._list(wanted, LATEST_TIMESTAMP)
        return {partition: (first[partition], end[partition]) for partition in wanted}

    async def deletions_kept_from(self, partition: TopicPartition) -> int:
        """The offset from which on the log still tells every deletion."""
        try:
            return (await self._list([partition], DELETIONS_KEPT_TIMESTAMP))[partition]
        except UnsupportedVersionError:
            # Apache Kafka cannot tell. As its own Streams, trust the store: it may have missed deletions only where it
            # was closed for longer than the changelog's delete.retention.ms.
            return 0

    def _position(
        self, partition: TopicPartition, committed: CommittedPosition, bounds: tuple[int, int]
    ) -> CommittedPosition:
        first, end = bounds
        if first <= committed.offset <= end:
            return committed._replace(end=end)
        group, config = self._config.app_id, self._config
        if committed.offset == _NOT_COMMITTED:
            reset, what = self._resets.get(partition.topic, config.auto_offset_reset), "has never committed"
            setting = "auto_offset_reset"
        else:
            reset, what = config.offset_out_of_range, f"committed offset {committed.offset} of"
            setting = "offset_out_of_range"
        where = f"group {group!r} {what} topic {partition.topic!r} partition {partition.partition}"
        if reset is OffsetReset.FAIL:
            raise OffsetOutOfRange(
                f"{where}, which holds offsets {first} to {end}. Reset the group's offset, or set {setting} "
                f"(of an App: consumer_{setting}) to 'earliest' or 'latest'"
            )
        offset = first if reset is OffsetReset.EARLIEST else end
        if committed.offset != _NOT_COMMITTED:
            _log.warning("%s, which holds %d to %d: going on at %d (%s)", where, first, end, offset, reset)
        return CommittedPosition(offset, committed.stream_time_ms, end)

    async def _committed(self, partitions: list[TopicPartition]) -> dict[TopicPartition, CommittedPosition]:
        topics = [
            OffsetFetchTopic(name=topic, partition_indexes=indexes)
            for topic, indexes in _by_topic(partitions).items()
        ]
        group = OffsetFetchGroup(group_id=self._config.app_id, topics=topics)
        request = OffsetFetchRequest(groups=[group], require_stable=True)
        what = f"reading the committed offsets of group {self._config.app_id!r}"
        answer = await self._requests.settled(request, what, _worst_code)
        return {
            TopicPartition(topic.name, found.partition_index): CommittedPosition(
                found.committed_offset, stream_time_of(found.metadata)
            )
            for topic in answer.groups[0].topics
            for found in topic.partitions
        }

    async def _list(self, partitions: list[TopicPartition], timestamp: int) -> dict[TopicPartition, int]:
        request = ListOffsetsRequest(
            isolation_level=IsolationLevel.READ_COMMITTED,
            topics=[
                ListOffsetsTopic(
                    name=topic,
                    partitions=[
                        ListOffsetsPartition(partition_index=index, timestamp=timestamp) for index in indexes
                    ],
                )
                for topic, indexes in _by_topic(partitions).items()
            ],
        )
        answer: ListOffsetsResponse = await self._requests.send(request, "reading the bounds of logs")
        offsets: dict[TopicPartition, int] = {}
        for topic in answer.topics:
            for found in topic.partitions:
                if found.error_code:
                    where = f"bounds of topic {topic.name!r} partition {found.partition_index}"
                    raise error_for(found.error_code, f"{where}: {found.error_code.name}")
                offsets[TopicPartition(topic.name, found.partition_index)] = found.offset
        return offsets


def _by_topic(partitions: Iterable[TopicPartition]) -> Mapping[str, list[int]]:
    by_topic: defaultdict[str, list[int]] = defaultdict(list)
    for topic, partition in partitions:
        by_topic[topic].append(partition)
    return by_topic


def _worst_code(answer: OffsetFetchResponse) -> ErrorCode:
    (group,) = answer.groups
    codes = [group.error_code]
    codes += [found.error_code for topic in group.topics for found in topic.partitions]
    return next((code for code in codes if code), ErrorCode.NONE)
