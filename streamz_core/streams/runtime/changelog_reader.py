"""Reading changelogs for restores: apart from the consumer, so that nothing the app does holds it up.

Owns: ``LinkChangelogReader``.
Must not know: stores, tasks, groups.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from streamz_core.client.consumer.partition_state import EARLIEST, PartitionState
from streamz_core.client.errors import error_for
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchTopic,
    IsolationLevel,
)
from streamz_core.state.restore import FetchedColumns

if TYPE_CHECKING:
    from streamz_core.client.request import Requests
    from streamz_core.model import TopicPartition
    from streamz_core.streams.runtime.offsets import GroupOffsets

FETCH_WAIT_MS: Final = 500
FETCH_BYTES_MAX: Final = 256 << 10
"""What is decoded and written at once: a restore must not keep other tasks from working for long."""


class LinkChangelogReader:
    """Fetches committed records straight over the link."""

    def __init__(self, requests: Requests, offsets: GroupOffsets) -> None:
        """``offsets`` knows the bounds of logs."""
        self._requests = requests
        self._offsets = offsets

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """The first offset, and the offset behind the last committed transaction."""
        return (await self._offsets.bounds([partition]))[partition]

    async def deletions_kept_from(self, partition: TopicPartition) -> int:
        """The offset from which on the changelog still tells every deletion."""
        return await self._offsets.deletions_kept_from(partition)

    async def read(self, partition: TopicPartition, position: int) -> FetchedColumns:
        """Committed records from ``position`` on, and the position behind them."""
        fetched = await self._fetch(partition, position)
        # The broker may answer without ever waiting; restores must not keep heartbeats from running.
        await asyncio.sleep(0)
        reading = PartitionState(partition, EARLIEST, checks_crcs=True)
        reading.seek(position)
        reading.take_in(fetched.records, fetched.aborted_transactions)
        keys: list[bytes | None] = []
        values: list[bytes | None] = []
        timestamps: list[int] = []
        offsets: list[int] = []
        while (batch := reading.current()) is not None:
            columns, index, _ = batch
            keys += columns.keys[index:]
            values += columns.values[index:]
            timestamps += columns.timestamps[index:]
            offsets += columns.offsets[index:]
            reading.advance(len(columns))
        assert reading.position is not None
        return FetchedColumns(keys, values, timestamps, offsets, reading.position)

    async def _fetch(self, partition: TopicPartition, position: int) -> FetchPartitionResponse:
        wanted = FetchPartition(
            partition=partition.partition, fetch_offset=position, partition_max_bytes=FETCH_BYTES_MAX
        )
        request = FetchRequest(
            max_wait_ms=FETCH_WAIT_MS,
            max_bytes=FETCH_BYTES_MAX,
            isolation_level=IsolationLevel.READ_COMMITTED,
            topics=[FetchTopic(topic=partition.topic, partitions=[wanted])],
        )
        what = f"reading changelog {partition.topic!r} partition {partition.partition} at offset {position}"
        answer = await self._requests.send(request, what)
        fetched = answer.responses[0].partitions[0]
        if fetched.error_code:
            raise error_for(fetched.error_code, f"{what}: {fetched.error_code.name}")
        return fetched
