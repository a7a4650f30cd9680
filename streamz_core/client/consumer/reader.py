"""Handing records out to the program.

Owns: ``RecordReader``: whose turn it is, what the program has in hand, and waiting for more.
Must not know: groups, requests, where positions come from.

``async for`` is the hot path: the records of a batch are built in one go (the *run*), each step takes
the next one and moves the partition's position past it. Whatever else touches positions ends the run
first; what was built and not handed out is simply built again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamz_core.aio.deadline import wait_for
from streamz_core.client.consumer.records import RecordBuilder, part
from streamz_core.client.errors import ConsumerStoppedError, IllegalStateError, KafkaError
from streamz_core.protocol.record_batch import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamz_core.client.consumer.fetcher import Fetcher
    from streamz_core.client.consumer.partition_state import PartitionState
    from streamz_core.client.consumer.subscription import Subscription
    from streamz_core.clock import Clock
    from streamz_core.model import ConsumerRecord, TopicPartition


T = TypeVar("T")

_CALL_BYTES: Final = 131_072
"""So much is decoded by one call without ``max_records``: what fits the cache is read fastest."""


class RecordReader:
    """Takes records out of the buffers of one consumer's partitions."""

    def __init__(
        self,
        clock: Clock,
        subscription: Subscription,
        fetcher: Fetcher,
        builder: RecordBuilder,
    ) -> None:
        self.on_poll: Callable[[], None] | None = None
        """Called each time the program comes for records, before it gets any."""
        self._clock = clock
        self._subscription = subscription
        self._fetcher = fetcher
        self._builder = builder
        self._in_hand: list[PartitionState] = []
        self._turn = 0
        self._left_bytes = 0
        self._waiting = 0
        self._errors: list[BaseException] = []
        self._failure: BaseException | None = None
        self._closed = False
        self.run: Iterator[ConsumerRecord[Any, Any]] = iter(())
        self.run_state: PartitionState | None = None
        self.polled = False
        subscription.observe(self._assignment_changed)

    def close(self) -> None:
        """Hand out nothing more; those who wait are told."""
        self.end_run()
        self._closed = True
        self._fetcher.announce()

    def note_error(self, error: BaseException) -> None:
        """Have the next call raise ``error``."""
        self._errors.append(error)
        self._assignment_changed()

    def note_failure(self, failure: BaseException) -> None:
        """Have every call raise ``failure``: background work died of it."""
        self._failure = failure
        self._assignment_changed()

    def raise_errors(self) -> None:
        """Raise what the program has to hear of."""
        if self._failure is not None:
            raise self._failure
        if self._errors:
            raise self._errors.pop(0)

    def is_polling(self) -> bool:
        """Whether the program waits for records, or asked for some since this was asked last."""
        polled, self.polled = self.polled, False
        return polled or self._waiting > 0

    def finish_in_hand(self) -> None:
        """The program is done with what it was handed."""
        for state in self._in_hand:
            state.in_hand = False
        self._in_hand.clear()

    def end_run(self) -> None:
        """Give up the run: what was not handed out stays buffered."""
        state, self.run_state = self.run_state, None
        if state is not None:
            self.run = iter(())
            state.catch_up()
            self._fetcher.consumed(state)

    async def one(self, partitions: Sequence[TopicPartition]) -> ConsumerRecord[Any, Any]:
        """The next record, of ``partitions`` or of any; waits for it."""
        while True:
            self._begin()
            record = self._next_of(partitions) if partitions else self._start_run()
            if record is not None:
                return record
            await self._wait(None)

    async def many(
        self, partitions: Sequence[TopicPartition], timeout_ms: float, max_records: int | None
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        """Records by partition; none where none came within ``timeout_ms`` or the consumer was stopped."""
        return await self._collected(lambda: self._take_records(partitions, max_records), timeout_ms)

    async def columns(
        self, partitions: Sequence[TopicPartition], timeout_ms: float, max_records: int | None
    ) -> dict[TopicPartition, Columns]:
        """Columns by partition; none where none came within ``timeout_ms``."""
        return await self._collected(lambda: self._take_columns(partitions, max_records), timeout_ms)

    async def _collected(
        self, take: Callable[[], dict[TopicPartition, T]], timeout_ms: float
    ) -> dict[TopicPartition, T]:
        ends_at_ms = self._clock.monotonic_ms() + timeout_ms
        self._begin()
        found = take()
        if not found and timeout_ms <= 0:
            # A program that polls without waiting must not keep the fetching from running.
            await asyncio.sleep(0)
            self._begin()
            return take()
        while not found:
            left_ms = ends_at_ms - self._clock.monotonic_ms()
            if left_ms <= 0 or not await self._wait(left_ms) or self._closed:
                break
            self._begin()
            found = take()
        return found

    def _begin(self) -> None:
        """The program is back for more."""
        if self._closed:
            raise ConsumerStoppedError("the consumer was stopped")
        self.polled = True
        if self.on_poll is not None:
            self.on_poll()
        self.end_run()
        self.finish_in_hand()
        self.raise_errors()
        if not self._subscription.exists:
            raise IllegalStateError("nothing to read: subscribe() to topics or assign() partitions first")

    async def _wait(self, timeout_ms: float | None) -> bool:
        """Wait until something arrived; False once time is up."""
        self._waiting += 1
        try:
            await wait_for(self._clock, self._fetcher.wait_for_records(), timeout_ms)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def _ready(self, partitions: Sequence[TopicPartition]) -> list[PartitionState]:
        """Partitions with something to hand out, another one first each time."""
        states = self._subscription.selected(partitions)
        ready = [state for state in states if state.has_data and not (state.paused or state.withheld)]
        if len(ready) > 1:
            self._turn = (self._turn + 1) % len(ready)
            ready = ready[self._turn :] + ready[: self._turn]
        return ready

    def _start_run(self) -> ConsumerRecord[Any, Any] | None:
        """The first record of the next batch; the rest of the batch becomes the run."""
        for state in self._ready(()):
            current = self._current(state, may_raise=True)
            if current is None:
                continue
            columns, index, timestamp_type = current
            records = self._builder.build(state.topic_partition, columns, index, len(columns), timestamp_type)
            self._take_in_hand(state)
            self.run = iter(records)
            self.run_state = state
            record = next(self.run)
            state.position = record.offset + 1
            return record
        return None

    def _next_of(self, partitions: Sequence[TopicPartition]) -> ConsumerRecord[Any, Any] | None:
        for state in self._ready(partitions):
            found = self._take(state, 1)
            if found:
                return found[0]
        return None

    def _take_records(
        self, partitions: Sequence[TopicPartition], max_records: int | None
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        found: dict[TopicPartition, list[ConsumerRecord[Any, Any]]] = {}
        left = max_records
        self._left_bytes = _CALL_BYTES
        for state in self._ready(partitions):
            if left == 0 or self._left_bytes <= 0:
                break
            records = self._take(state, left, may_raise=not found)
            if records:
                found[state.topic_partition] = records
                left = None if left is None else left - len(records)
        return found

    def _take(
        self, state: PartitionState, most: int | None, *, may_raise: bool = True
    ) -> list[ConsumerRecord[Any, Any]]:
        """At most ``most`` records of one partition; an error behind some of them waits for the next call."""
        taken: list[ConsumerRecord[Any, Any]] = []
        while (most is None and self._left_bytes > 0) or (most is not None and len(taken) < most):
            raises = may_raise and not taken
            current = self._current(state, may_raise=raises)
            if current is None:
                break
            columns, index, timestamp_type = current
            stop = len(columns) if most is None else min(len(columns), index + most - len(taken))
            records = self._builder.build(
                state.topic_partition, columns, index, stop, timestamp_type, may_raise=raises
            )
            if not records:
                break
            self._take_in_hand(state)
            state.advance(index + len(records))
            taken = taken + records if taken else records
        self._fetcher.consumed(state)
        return taken

    def _take_columns(
        self, partitions: Sequence[TopicPartition], max_records: int | None
    ) -> dict[TopicPartition, Columns]:
        found: dict[TopicPartition, Columns] = {}
        left = max_records
        self._left_bytes = _CALL_BYTES
        for state in self._ready(partitions):
            if left == 0 or self._left_bytes <= 0:
                break
            parts = self._take_parts(state, left, may_raise=not found)
            if parts:
                merged = found[state.topic_partition] = _merged(parts)
                left = None if left is None else left - len(merged)
        return found

    def _take_parts(self, state: PartitionState, most: int | None, *, may_raise: bool) -> list[Columns]:
        parts: list[Columns] = []
        count = 0
        while (most is None and self._left_bytes > 0) or (most is not None and count < most):
            current = self._current(state, may_raise=may_raise and not parts)
            if current is None:
                break
            columns, index, _ = current
            stop = len(columns) if most is None else min(len(columns), index + most - count)
            self._take_in_hand(state)
            state.advance(stop)
            parts.append(columns if index == 0 and stop == len(columns) else part(columns, index, stop))
            count += stop - index
        self._fetcher.consumed(state)
        return parts

    def _current(self, state: PartitionState, *, may_raise: bool) -> tuple[Columns, int, int] | None:
        """What ``state`` has in hand; an error is raised once, then fetching is tried again."""
        before = state.buffered_bytes
        try:
            current = state.current()
            self._left_bytes -= before - state.buffered_bytes
            return current
        except KafkaError:
            if not may_raise:
                return None
            state.error = None
            self._fetcher.wake()
            raise

    def _take_in_hand(self, state: PartitionState) -> None:
        if not state.in_hand:
            state.finished = state.position
            state.in_hand = True
            self._in_hand.append(state)

    def _assignment_changed(self) -> None:
        self.end_run()
        self._fetcher.announce()


def _merged(parts: list[Columns]) -> Columns:
    """``parts`` one after the other; their lists are not touched."""
    if len(parts) == 1:
        return parts[0]
    whole = Columns(_joined_offsets(parts), [], [], [])
    for columns in parts:
        whole.timestamps += columns.timestamps
        whole.keys += columns.keys
        whole.values += columns.values
    if any(columns.headers is not None for columns in parts):
        whole.headers = [row for columns in parts for row in (columns.headers or [()] * len(columns))]
    return whole


def _joined_offsets(parts: list[Columns]) -> Sequence[int]:
    """The offsets of ``parts``, which ascend: a range where none is missing."""
    first, count = parts[0].offsets[0], sum(map(len, parts))
    if parts[-1].offsets[-1] - first == count - 1:
        return range(first, first + count)
    return [offset for columns in parts for offset in columns.offsets]
