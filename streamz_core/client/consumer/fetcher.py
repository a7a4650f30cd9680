"""Records from the broker into the buffers of assigned partitions, ahead of the program.

Owns: ``Fetcher``: which partitions are fetched when, where a partition without a position begins, and
what an error of a partition means.
Must not know: groups, how records are handed out.

A partition is fetched again once less than half of ``max_partition_fetch_bytes`` of it waits, so
fetching overlaps processing and memory stays bounded. One fetch is under way at a time; a long poll
is called off when another partition is in need.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.client.consumer.offset_requests import fetch_committed, list_offsets
from streamz_core.client.consumer.partition_state import COMMITTED, EARLIEST, PartitionState
from streamz_core.client.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    error_for,
)
from streamz_core.client.request import is_repeatable, name_of
from streamz_core.errors import ErrorCode, Retriable
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic, IsolationLevel
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.client.request import Requests
    from streamz_core.protocol.messages.fetch import FetchPartitionResponse, FetchResponse

_Asked = dict[TopicPartition, tuple[PartitionState, int]]
"""What a fetch asked for: partition to its state and the offset asked at."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """The consumer's parameters that concern fetching; aiokafka's names."""

    fetch_max_wait_ms: int
    fetch_min_bytes: int
    fetch_max_bytes: int
    max_partition_fetch_bytes: int
    consumer_timeout_ms: int
    auto_offset_reset: str
    isolation: IsolationLevel
    group_id: str | None


class Fetcher:
    """Keeps buffers filled; ``run`` is its task."""

    def __init__(
        self, requests: Requests, metadata: MetadataCache, subscription: Subscription, settings: FetchSettings
    ) -> None:
        self._requests = requests
        self._metadata = metadata
        self._subscription = subscription
        self._settings = settings
        self._refill_bytes = max(settings.max_partition_fetch_bytes // 2, 1)
        self._wake = asyncio.Event()
        self._arrived = asyncio.Event()
        subscription.observe(self.wake)

    def wake(self) -> None:
        """Something changed: look again what to fetch."""
        self._wake.set()

    def announce(self) -> None:
        """Wake those who wait for records."""
        self._arrived.set()

    def consumed(self, state: PartitionState) -> None:
        """The program took records of ``state``."""
        if state.buffered_bytes < self._refill_bytes:
            self._wake.set()

    async def wait_for_records(self) -> None:
        """Return when something may have arrived; check before waiting, and again after."""
        self._arrived.clear()
        await self._arrived.wait()

    async def run(self) -> None:
        """Fetch for ever."""
        while True:
            self._wake.clear()
            await self._find_positions()
            wanted = self._wanted()
            if not wanted:
                await self._idle()
                continue
            asked = {state.topic_partition: (state, state.fetch_offset) for state in wanted}
            try:
                answer = await self._fetch(wanted, asked)
            except Retriable as error:
                _log.warning("fetching again: %s", error)
                await sleep(self._requests.clock, self._requests.retry_backoff_ms)
                continue
            if answer is not None and self._take_in(asked, answer):
                await sleep(self._requests.clock, self._requests.retry_backoff_ms)

    async def resolve(self, states: Sequence[PartitionState]) -> None:
        """Give each of ``states`` that has none a position, by commit or by reset policy."""
        committed = [state for state in states if state.reset_to == COMMITTED]
        if committed and self._settings.group_id is not None:
            await self._seek_to_committed(committed, self._settings.group_id)
        for state in committed:
            if state.reset_to == COMMITTED:
                self._fall_back(state)
        asked = [
            (state, state.reset_to) for state in states if state.reset_to is not None and not state.error
        ]
        if not asked:
            return
        timestamps = {
            state.topic_partition: EARLIEST_TIMESTAMP if reset_to == EARLIEST else LATEST_TIMESTAMP
            for state, reset_to in asked
        }
        found = await list_offsets(self._requests, timestamps, self._settings.isolation)
        for state, reset_to in asked:
            # The program may have sought elsewhere while we asked.
            if state.reset_to == reset_to:
                state.seek(found[state.topic_partition].offset)

    async def _seek_to_committed(self, states: list[PartitionState], group_id: str) -> None:
        found = await fetch_committed(
            self._requests,
            group_id,
            [state.topic_partition for state in states],
            require_stable=self._settings.isolation is IsolationLevel.READ_COMMITTED,
        )
        for state in states:
            commit = found.get(state.topic_partition)
            if commit is not None and state.reset_to == COMMITTED:
                state.seek(commit.offset)
                state.last_committed = commit.offset

    def _fall_back(self, state: PartitionState) -> None:
        """Nothing is committed: begin where the reset policy says."""
        if self._settings.auto_offset_reset != "none":
            state.reset(self._settings.auto_offset_reset)
            return
        topic, partition = state.topic_partition
        if state.error is None:
            state.error = NoOffsetForPartitionError(
                state.topic_partition,
                f"{topic!r} partition {partition}: nothing is committed and auto_offset_reset is 'none': "
                "seek(), or choose 'earliest' or 'latest'",
            )
            self._arrived.set()

    async def _find_positions(self) -> None:
        lost = [s for s in self._subscription.states() if s.position is None and s.error is None]
        if not lost:
            return
        try:
            await self.resolve(lost)
        except KafkaError as error:
            if len(lost) == 1:
                await self._postpone(lost[0], error)
            for state in lost if len(lost) > 1 else ():
                await self._find_position(state)
        self._arrived.set()

    async def _find_position(self, state: PartitionState) -> None:
        """Alone: one that cannot have a position must not keep the others from theirs."""
        try:
            await self.resolve([state])
        except KafkaError as error:
            await self._postpone(state, error)

    async def _postpone(self, state: PartitionState, error: KafkaError) -> None:
        if not isinstance(error, Retriable):
            state.error = error
            return
        _log.warning("positions are not known yet: %s", error)
        await sleep(self._requests.clock, self._requests.retry_backoff_ms)
        self._wake.set()

    def _wanted(self) -> list[PartitionState]:
        return [
            state
            for state in self._subscription.states()
            if state.position is not None
            and not (state.paused or state.withheld)
            and state.error is None
            and state.buffered_bytes < self._refill_bytes
        ]

    async def _idle(self) -> None:
        try:
            await wait_for(self._requests.clock, self._wake.wait(), self._settings.consumer_timeout_ms)
        except TimeoutError:
            return

    async def _fetch(self, wanted: list[PartitionState], asked: _Asked) -> FetchResponse | None:
        """The answer, at once if there is data, else by a long poll; None if that was called off."""
        if self._settings.fetch_min_bytes <= 1:
            # Costs no task; the common case while there is something to read.
            answer = await self._requests.send(self._request(wanted, 0), "fetching records")
            if _has_news(answer):
                return answer
            self._take_in(asked, answer)  # no records, but how far the log has come
        poll = asyncio.get_running_loop().create_task(
            self._requests.send(
                self._request(wanted, self._settings.fetch_max_wait_ms),
                "fetching records",
                timeout_ms=self._settings.fetch_max_wait_ms + self._requests.timeout_ms,
            )
        )
        called_off = asyncio.get_running_loop().create_task(self._wake.wait())
        try:
            await asyncio.wait({poll, called_off}, return_when=asyncio.FIRST_COMPLETED)
            return poll.result() if poll.done() else None
        finally:
            for task in (poll, called_off):
                task.cancel()

    def _request(self, wanted: list[PartitionState], max_wait_ms: int) -> FetchRequest:
        topics: dict[str, list[FetchPartition]] = {}
        # Turn about: where the request's limit is short of all, the next one begins with another partition.
        first = wanted.pop(0)
        wanted.append(first)
        for state in wanted:
            topic, partition = state.topic_partition
            topics.setdefault(topic, []).append(
                FetchPartition(
                    partition=partition,
                    fetch_offset=state.fetch_offset,
                    partition_max_bytes=self._settings.max_partition_fetch_bytes,
                )
            )
        return FetchRequest(
            max_wait_ms=max_wait_ms,
            min_bytes=self._settings.fetch_min_bytes,
            max_bytes=self._settings.fetch_max_bytes,
            isolation_level=self._settings.isolation,
            topics=[FetchTopic(topic=topic, partitions=partitions) for topic, partitions in topics.items()],
        )

    def _take_in(self, asked: _Asked, answer: FetchResponse) -> bool:
        """Buffer what came; True if something failed that is worth a pause."""
        now_ms = self._requests.clock.now_ms()
        failed = answer.error_code != ErrorCode.NONE
        for topic in answer.responses:
            for found in topic.partitions:
                partition = TopicPartition(topic.topic, found.partition_index)
                state, offset = asked[partition]
                # Of an assignment that is over, or sought elsewhere since: not what is wanted any more.
                if self._subscription.find(partition) is not state or state.fetch_offset != offset:
                    continue
                state.last_poll_ms = now_ms
                if found.error_code == ErrorCode.NONE:
                    self._buffer(state, found)
                else:
                    failed = self._note_error(state, found) or failed
        self._arrived.set()
        return failed

    def _buffer(self, state: PartitionState, found: FetchPartitionResponse) -> None:
        state.trouble = ErrorCode.NONE
        state.high_watermark = found.high_watermark
        state.last_stable_offset = found.last_stable_offset
        if len(found.records) > 0:
            state.take_in(found.records, found.aborted_transactions)

    def _note_error(self, state: PartitionState, found: FetchPartitionResponse) -> bool:
        """What an error of one partition leads to; True if trying again may help."""
        topic, partition = state.topic_partition
        code = found.error_code
        if code == ErrorCode.OFFSET_OUT_OF_RANGE:
            if state.has_data:
                return True  # what is buffered comes first
            text = f"{topic!r} partition {partition}: offset {state.fetch_offset} is not in the log any more"
            if self._settings.auto_offset_reset == "none":
                state.error = OffsetOutOfRangeError(
                    {state.topic_partition: state.fetch_offset},
                    f"{text}, and auto_offset_reset is 'none': seek()",
                )
            else:
                _log.warning("%s: going on at the %s offset", text, self._settings.auto_offset_reset)
                state.reset(self._settings.auto_offset_reset)
            return False
        if is_repeatable(code):
            # Once per kind of trouble: it may last as long as a topic is gone.
            level = logging.DEBUG if state.trouble == code else logging.WARNING
            state.trouble = code
            _log.log(level, "fetching %r partition %d: %s, trying again", topic, partition, name_of(code))
            return True
        state.error = error_for(
            code,
            f"{topic!r} partition {partition} cannot be read at offset {state.fetch_offset}: "
            f"{found.error_message or name_of(code)}",
        )
        return False


def _has_news(answer: FetchResponse) -> bool:
    return answer.error_code != ErrorCode.NONE or any(
        len(found.records) > 0 or found.error_code != ErrorCode.NONE
        for topic in answer.responses
        for found in topic.partitions
    )
