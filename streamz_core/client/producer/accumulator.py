"""Records to batches: which partition, which batch, and when there is room.

Owns: ``Accumulator``: the queues of every topic, the choice of a partition, the open batches.
Must not know: requests, acknowledgements, transactions.
"""

from __future__ import annotations

import asyncio
import logging
import random
from itertools import accumulate
from typing import TYPE_CHECKING

from streamz_core.client.errors import IllegalArgumentError, KafkaError, MessageSizeTooLargeError
from streamz_core.client.producer.batch import ProducerBatch, RecordFuture
from streamz_core.client.producer.batch_builder import (
    BATCH_HEADER_BYTES,
    RECORD_OVERHEAD_BYTES,
    RECORD_OVERHEAD_BYTES_MAX,
    record_size,
)
from streamz_core.client.producer.open_batches import OpenBatches, Route
from streamz_core.client.producer.partition_queue import PartitionQueue
from streamz_core.errors import Misuse
from streamz_core.protocol.batch_encoder import content_bytes
from streamz_core.protocol.murmur2 import partition_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.client.metadata import MetadataCache
    from streamz_core.client.producer.send_buffer import SendBuffer
    from streamz_core.client.producer.sender import Sender
    from streamz_core.client.request import Requests
    from streamz_core.model import Header, RecordMetadata

_log = logging.getLogger(__name__)


class Accumulator:
    """Fills batches and hands them to the sender."""

    def __init__(
        self,
        requests: Requests,
        metadata: MetadataCache,
        sender: Sender,
        buffer: SendBuffer,
        partitioner: Callable[[bytes | None, list[int], list[int]], int] | None,
        *,
        batch_bytes_max: int,
        request_bytes_max: int,
        linger_ms: float,
        check_gate: Callable[[], None],
    ) -> None:
        """``partitioner``: the program's own, None for Kafka's.

        ``check_gate`` raises where nothing may be sent any more; asked again after every wait.
        """
        self._requests = requests
        self._metadata = metadata
        self._sender = sender
        self._buffer = buffer
        self._partitioner = partitioner
        self._request_bytes_max = request_bytes_max
        self._linger_ms = linger_ms
        self._check_gate = check_gate
        self._loop = asyncio.get_running_loop()
        self._refreshing: asyncio.Task[None] | None = None
        self.open_batches = OpenBatches(
            buffer,
            batch_bytes_max,
            hashes_keys=partitioner is None,
            lingers=linger_ms > 0,
            timeout_ms=requests.timeout_ms,
            now_ms=requests.clock.now_ms,
            monotonic_ms=requests.clock.monotonic_ms,
            opened=self._opened,
            wake=sender.wake,
        )
        self.routes = self.open_batches.routes

    def close(self) -> None:
        """End background work."""
        if self._refreshing is not None:
            self._refreshing.cancel()

    def queues(self) -> list[PartitionQueue]:
        """Every partition's queue."""
        return [queue for route in self.routes.values() for queue in route.queues]

    async def flush(self) -> None:
        """Return once every batch that exists now is acknowledged or given up."""
        waiting = []
        for queue in self.queues():
            self._sender.seal(queue)
            # Each of them: one that cannot be encoded is given up before those that are on their way.
            waiting += [batch.first() for batch in queue.unacknowledged()]
        if waiting:
            # Bounded: every batch has a deadline.
            await asyncio.wait(waiting)  # type: ignore[type-var]  # futures by protocol

    async def route_to(self, topic: str) -> Route:
        """The partitions of ``topic``, as metadata has them now."""
        if not isinstance(topic, str):
            raise IllegalArgumentError(f"topic={topic!r}: must be text")
        known = await self._metadata.partitions_of(topic)
        route = self.routes.setdefault(topic, Route(topic))
        for partition in range(len(route.queues), len(known)):
            route.queues.append(PartitionQueue(topic, partition, self._buffer))
        return route

    async def choose(
        self, route: Route, key: bytes | None, value: bytes | None, partition: int | None
    ) -> PartitionQueue:
        """The queue of a record that is not simply hashed."""
        queues = route.queues
        if partition is None:
            if key is None and value is None:
                raise IllegalArgumentError("a record needs a key or a value")
            if self._partitioner is not None:
                everything = list(range(len(queues)))
                partition = self._partitioner(key, everything, everything)
            elif key is not None:
                return queues[partition_for(key, len(queues))]
            else:
                return self._sticky(route)
        if partition.__class__ is not int or partition < 0:
            raise IllegalArgumentError(
                f"partition={partition!r} of {route.topic!r}: must be a number, 0 or more"
            )
        if partition >= len(queues):
            await self._metadata.refresh_topics([route.topic])
            await self.route_to(route.topic)
        if partition >= len(queues):
            raise IllegalArgumentError(
                f"partition={partition}: topic {route.topic!r} has the partitions 0 to {len(queues) - 1}"
            )
        return queues[partition]

    def _sticky(self, route: Route) -> PartitionQueue:
        """Records without a key fill one batch before they move on: fewer, larger batches (KIP-794)."""
        queues = route.queues
        if route.sticky < 0 or queues[route.sticky].open is None:
            route.sticky = random.randrange(len(queues))  # noqa: S311 - no secret
        return queues[route.sticky]

    async def make_room(self, queue: PartitionQueue, size: int) -> None:
        """See that an open batch has room for ``size`` bytes; waits for the buffer, lets others run."""
        self._refresh_if_stale()
        while not self.open_batches.make_room(queue, size):
            if self.open_batches.is_others_turn():
                await self._give_way()
            else:
                await self._sender.wait_for_room()
            self._check_gate()

    def _opened(self, queue: PartitionQueue) -> None:
        """See that the batch just opened is sealed in time, also if nothing is sent any more."""
        if self._linger_ms == 0:
            self._sender.wake(queue)
        else:
            clock = self._requests.clock
            queue.linger = clock.call_later(self._linger_ms, lambda: self._sender.seal(queue))
        self._refresh_if_stale()

    async def push(self, queue: PartitionQueue, batches: list[ProducerBatch]) -> None:
        """Line up whole batches, in order and next to each other, once the buffer has room."""
        while not self._buffer.has_room():
            await self._sender.wait_for_room()
        self._check_gate()
        ends_at_ms = self._requests.clock.monotonic_ms() + self._requests.timeout_ms
        for batch in batches:
            batch.deadline_ms = ends_at_ms
            self._sender.push(queue, batch)
            self.open_batches.took(batch.size_bytes)
        self._refresh_if_stale()
        if self.open_batches.is_others_turn():
            await self._give_way()

    async def _give_way(self) -> None:
        self.open_batches.begin_turn()
        await asyncio.sleep(0)

    def joined(self, batches: list[ProducerBatch]) -> asyncio.Future[RecordMetadata]:
        """The first record's future, done once all ``batches`` are."""
        if len(batches) == 1:
            return batches[0].first()  # type: ignore[return-value]  # a future by protocol
        joined: asyncio.Future[RecordMetadata] = self._loop.create_future()

        def finish(_: RecordFuture) -> None:
            error = next((batch.error for batch in batches if batch.error is not None), None)
            if joined.done():
                return
            if error is None:
                joined.set_result(batches[0].first().result())
            else:
                joined.set_exception(error)

        # Batches of one partition are done in order, so the last one is done last.
        batches[-1].first().add_done_callback(finish)
        return joined

    def batches_of(
        self,
        queue: PartitionQueue,
        keys: list[bytes | None],
        values: list[bytes | None],
        timestamps: list[int],
        headers: Sequence[Sequence[Header]] | None,
    ) -> list[ProducerBatch]:
        """The columns as one batch, encoded already, or as several, none above max_request_size."""
        batch = ProducerBatch(queue.topic_partition, 0, self._loop)
        batch.hold(len(timestamps), timestamps[0])
        bytes_max = self._request_bytes_max - BATCH_HEADER_BYTES
        try:
            batch.raw = self._buffer.encode(keys, values, timestamps, headers, bytes_max)
        except Misuse:  # told by the future, as for records sent one by one
            batch.raw = None
        if batch.raw is not None:
            batch.size_bytes = BATCH_HEADER_BYTES + len(batch.raw)
            return [batch]
        batches = []
        for start, stop, size in self.cuts(queue.topic_partition.topic, keys, values, headers):
            batch = ProducerBatch(queue.topic_partition, 0, self._loop)
            batch.hold(stop - start, timestamps[start])
            some = None if headers is None else list(headers[start:stop])
            batch.columns = (keys[start:stop], values[start:stop], timestamps[start:stop], some)
            batch.size_bytes = size
            batches.append(batch)
        return batches

    def cuts(
        self,
        topic: str,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: Sequence[Sequence[Header]] | None,
    ) -> list[tuple[int, int, int]]:
        """(start, stop, bytes) of the batches that hold the columns, none above max_request_size."""
        count = len(values)
        limit = self._request_bytes_max
        total = (
            BATCH_HEADER_BYTES
            + content_bytes(keys)
            + content_bytes(values)
            + RECORD_OVERHEAD_BYTES_MAX * count
        )
        if headers is None and total <= limit:
            return [(0, count, total)]
        rows = headers if headers is not None else [()] * count
        slack = RECORD_OVERHEAD_BYTES_MAX - RECORD_OVERHEAD_BYTES
        sizes = [record_size(k, v, h) + slack for k, v, h in zip(keys, values, rows, strict=True)]
        self.check_size(topic, max(sizes))
        cuts = []
        start = sealed = 0
        for index, through in enumerate(accumulate(sizes)):
            if through - sealed + BATCH_HEADER_BYTES > limit and index > start:
                before = through - sizes[index]
                cuts.append((start, index, before - sealed))
                start, sealed = index, before
        cuts.append((start, count, sum(sizes) - sealed))
        return cuts

    def check_size(self, topic: str, size: int) -> None:
        """Refuse a record or batch that no request can hold."""
        if size + BATCH_HEADER_BYTES > self._request_bytes_max:
            raise MessageSizeTooLargeError(
                f"a record for {topic!r} takes about {size} bytes, max_request_size is "
                f"{self._request_bytes_max}: raise it and the topic's max.message.bytes, or send less at once"
            )

    def _refresh_if_stale(self) -> None:
        """Learn of new partitions in the background, once metadata_max_age_ms have passed."""
        if self._metadata.is_stale and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = self._loop.create_task(self._refresh(), name="refresh producer metadata")

    async def _refresh(self) -> None:
        try:
            await self._metadata.refresh()
            for topic in list(self.routes):
                await self.route_to(topic)
        except KafkaError as error:
            _log.warning("metadata could not be refreshed, the old is used on: %s", error)
