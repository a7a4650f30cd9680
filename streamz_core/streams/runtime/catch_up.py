"""``CatchUp``: no input overtakes another while both have records that were there before the task.

Owns: which partitions a task has not yet read to the end they had when it began, and how long the
others wait for them.
Must not know: how records are chosen, processed or fetched.

A partition whose queue is empty has nothing to compare timestamps with. While its log is known to
hold more, the task waits for it, so that a start over two topics gives the same order every time.
From the end they had on, partitions are merged by what has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.clock import Clock
    from streamz_core.model import TopicPartition
    from streamz_core.streams.runtime.input import PartitionInput
    from streamz_core.streams.runtime.ports import Consumer


class CatchUp:
    """Waits for inputs that are behind, for a bounded time."""

    def __init__(self, consumer: Consumer, clock: Clock, wait_max_ms: int) -> None:
        """A partition that brings nothing for ``wait_max_ms`` is not waited for any more."""
        self._consumer = consumer
        self._clock = clock
        self._wait_max_ms = wait_max_ms
        self._ends: dict[TopicPartition, int] = {}
        self._waiting_since_ms: float | None = None

    def start(self, ends: Mapping[TopicPartition, int]) -> None:
        """``ends`` is where the logs end now."""
        self._ends = dict(ends)
        self._waiting_since_ms = None

    async def must_wait(self, inputs: Iterable[PartitionInput]) -> bool:
        """Whether an input without records is known to have some."""
        if not self._ends:
            return False
        behind = [queue.partition for queue in inputs if not queue.record_count]
        for partition in behind:
            # What the consumer has moved past, it has handed over: the queue would not be empty.
            if partition in self._ends and await self._consumer.position(partition) >= self._ends[partition]:
                del self._ends[partition]
        awaited = [partition for partition in behind if partition in self._ends]
        if not awaited:
            self._waiting_since_ms = None
            return False
        now_ms = self._clock.monotonic_ms()
        if self._waiting_since_ms is None:
            self._waiting_since_ms = now_ms
        if now_ms - self._waiting_since_ms < self._wait_max_ms:
            return True
        for partition in awaited:
            del self._ends[partition]
        return False
