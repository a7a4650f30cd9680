"""Where a consumer stands, and where it goes on.

Owns: the consumer's methods about positions, committed offsets, the ends of partitions, and pausing.
Must not know: how records are handed out, how groups are joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.aio.deadline import wait_for
from streamz_core.client.consumer.consumer_session import ConsumerSession
from streamz_core.client.consumer.offset_requests import fetch_committed, list_offsets
from streamz_core.client.consumer.partition_state import EARLIEST, LATEST
from streamz_core.client.consumer.subscription import check_partitions
from streamz_core.client.errors import (
    IllegalStateError,
    KafkaTimeoutError,
)
from streamz_core.client.offsets import IllegalOffsetError, check_offsets
from streamz_core.model import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streamz_core.client.consumer.partition_state import PartitionState


class ConsumerPositions(ConsumerSession):
    """A consumer that can be moved about in its partitions."""

    async def commit(
        self, offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]] | None = None
    ) -> None:
        """Commit ``offsets``, or the positions of all assigned partitions (the record in hand included).

        Raises ``CommitFailedError`` where the group has moved on, ``IllegalOperation`` without a group.
        """
        commits = self._group_member().commits
        if offsets is None:
            await commits.commit_positions()
        else:
            await commits.commit_owned(check_offsets(offsets))

    async def committed(self, partition: TopicPartition) -> int | None:
        """The group's committed offset, None where nothing is committed."""
        self._group_member()
        check_partitions([partition])
        found = await self._committed([partition])
        return found[partition].offset if partition in found else None

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record; waits for it to be known, ``request_timeout_ms`` at most."""
        self._require_started()
        ends_at_ms = self._requests.clock.monotonic_ms() + self._request_timeout_ms
        while True:
            state = self._subscription.state(partition)
            if state.position is not None:
                return state.position
            if state.error is not None:
                error, state.error = state.error, None
                raise error
            self._reader.raise_errors()
            left_ms = ends_at_ms - self._requests.clock.monotonic_ms()
            try:
                await wait_for(self._requests.clock, self._fetcher.wait_for_records(), left_ms)
            except TimeoutError as late:
                raise KafkaTimeoutError(
                    f"the position of {partition.topic!r} partition {partition.partition} is not known after "
                    f"{self._request_timeout_ms:g} ms"
                ) from late

    def highwater(self, partition: TopicPartition) -> int | None:
        """The offset after the last record there was at the last fetch, None before the first."""
        return self._subscription.state(partition).high_watermark

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Up to where all transactions were decided at the last fetch, None before the first."""
        return self._subscription.state(partition).last_stable_offset

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """When ``highwater`` was last brought up to date, in ms, None before the first fetch."""
        return self._subscription.state(partition).last_poll_ms

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on at ``offset``."""
        self._require_started()
        if not isinstance(offset, int) or offset < 0:
            raise IllegalOffsetError(f"offset={offset!r}: must be a whole number, 0 or more")
        state = self._subscription.state(partition)
        self._reader.end_run()
        state.seek(offset)
        self._fetcher.wake()
        self._fetcher.announce()

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        """Go on at the first record there is, in these or in all assigned partitions."""
        return await self._seek_to(EARLIEST, partitions)

    async def seek_to_end(self, *partitions: TopicPartition) -> bool:
        """Go on with what comes from now on, in these or in all assigned partitions."""
        return await self._seek_to(LATEST, partitions)

    async def seek_to_committed(self, *partitions: TopicPartition) -> dict[TopicPartition, int | None]:
        """Go on at the committed offsets; where there is none, the position stays and None is told."""
        self._require_started()
        states = self._selected(partitions)
        self._group_member()
        found = await self._committed([state.topic_partition for state in states])
        for partition, commit in found.items():
            self.seek(partition, commit.offset)
        return {
            s.topic_partition: found[s.topic_partition].offset if s.topic_partition in found else None
            for s in states
        }

    async def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, float]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """The first record at or after each time in ms; None where there is none."""
        self._require_started()
        check_partitions(timestamps)
        for partition, timestamp in timestamps.items():
            if not isinstance(timestamp, (int, float)) or timestamp < 0:
                raise IllegalOffsetError(
                    f"timestamps[{partition!r}]={timestamp!r}: must be ms since 1970, 0 or more"
                )
        if not timestamps:
            return {}
        whole = {partition: int(timestamp) for partition, timestamp in timestamps.items()}
        found = await list_offsets(self._requests, whole, self._isolation)
        return {
            partition: found[partition] if found[partition].offset >= 0 else None for partition in timestamps
        }

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset there is in each of ``partitions``."""
        return await self._ends(partitions, EARLIEST_TIMESTAMP)

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last record; with ``read_committed``, the last stable offset."""
        return await self._ends(partitions, LATEST_TIMESTAMP)

    def pause(self, *partitions: TopicPartition) -> None:
        """Hand out and fetch nothing of ``partitions`` until ``resume``; they stay assigned."""
        self._set_paused(partitions, paused=True)

    def resume(self, *partitions: TopicPartition) -> None:
        """Go on with paused ``partitions``."""
        self._set_paused(partitions, paused=False)

    def paused(self) -> set[TopicPartition]:
        """The paused partitions."""
        return {state.topic_partition for state in self._subscription.states() if state.paused}

    async def _committed(self, partitions: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        return await fetch_committed(
            self._requests,
            self._group_id or "",
            partitions,
            require_stable=self._isolation is IsolationLevel.READ_COMMITTED,
        )

    async def _ends(self, partitions: Iterable[TopicPartition], timestamp: int) -> dict[TopicPartition, int]:
        self._require_started()
        wanted = list(partitions)
        check_partitions(wanted)
        if not wanted:
            return {}
        found = await list_offsets(self._requests, dict.fromkeys(wanted, timestamp), self._isolation)
        return {partition: found[partition].offset for partition in wanted}

    async def _seek_to(self, end: str, partitions: Sequence[TopicPartition]) -> bool:
        self._require_started()
        states = self._selected(partitions)
        self._reader.end_run()
        for state in states:
            state.reset(end)
        await self._fetcher.resolve(states)
        self._fetcher.wake()
        return True

    def _selected(self, partitions: Sequence[TopicPartition]) -> list[PartitionState]:
        states = self._subscription.selected(partitions)
        if not states:
            raise IllegalStateError("no partitions are assigned")
        return states

    def _set_paused(self, partitions: Sequence[TopicPartition], *, paused: bool) -> None:
        self._require_started()
        check_partitions(partitions)
        states = [self._subscription.state(partition) for partition in partitions]
        self._reader.end_run()
        for state in states:
            state.paused = paused
        self._fetcher.wake()
        self._fetcher.announce()
