"""Sealed batches to acknowledged ones.

Owns: ``Sender``: the tasks that drain partitions' queues, encoding, repeats, and the bound on what
waits in memory.
Must not know: how records are put into batches.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.client.errors import (
    IllegalArgumentError,
    KafkaError,
    KafkaTimeoutError,
    ProducerClosed,
    UnknownError,
    error_for,
)
from streamz_core.client.request import explained, is_repeatable
from streamz_core.errors import ErrorCode, StreamzError
from streamz_core.protocol.batch_encoder import raw_records
from streamz_core.protocol.encoded_batches import EncodedBatches
from streamz_core.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)

if TYPE_CHECKING:
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.client.producer.batch import ProducerBatch
    from streamz_core.client.producer.partition_queue import PartitionQueue
    from streamz_core.client.producer.send_buffer import SendBuffer
    from streamz_core.client.producer.transactions import Transactions
    from streamz_core.client.request import Requests
    from streamz_core.protocol.compression import Compression
    from streamz_core.protocol.record_batch import EncodedBatch

_log = logging.getLogger(__name__)

_SEQUENCE_MASK = 0x7FFFFFFF


class Sender:
    """Drains queues, one task per partition that has something to send."""

    def __init__(
        self,
        requests: Requests,
        metadata: MetadataCache,
        transactions: Transactions,
        buffer: SendBuffer,
        *,
        acks: int,
        compression: Compression,
        request_bytes_max: int,
        seals_at_once: bool,
    ) -> None:
        """``seals_at_once``: an open batch goes with the next request of its partition (no linger)."""
        self._requests = requests
        self._metadata = metadata
        self._transactions = transactions
        self._buffer = buffer
        self._acks = acks
        self._compression = compression
        self._request_bytes_max = request_bytes_max
        self._seals_at_once = seals_at_once
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_room = asyncio.Event()

    def seal(self, queue: PartitionQueue) -> None:
        """Close the queue's open batch and have it sent."""
        if queue.seal() is not None:
            self.wake(queue)

    def push(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        """Line up a batch that came whole."""
        self.seal(queue)
        queue.push(batch)
        self.wake(queue)

    def wake(self, queue: PartitionQueue) -> None:
        """See that the queue is drained, from the event loop's next turn on."""
        if queue.draining:
            return
        queue.draining = True
        name = f"produce to {queue.topic_partition.topic}-{queue.partition}"
        task = asyncio.get_running_loop().create_task(self._drain(queue), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait_for_room(self) -> None:
        """Return once the buffer takes another batch; ``KafkaTimeoutError`` after request_timeout_ms."""
        ends_at_ms = self._requests.clock.monotonic_ms() + self._requests.timeout_ms
        while not self._buffer.has_room():
            self._has_room.clear()
            left_ms = ends_at_ms - self._requests.clock.monotonic_ms()
            try:
                await wait_for(self._requests.clock, self._has_room.wait(), left_ms)
            except TimeoutError as late:
                raise KafkaTimeoutError(
                    f"the producer's buffer of {self._buffer.bytes_max} bytes stayed full for "
                    f"{self._requests.timeout_ms:g} ms: the broker is slower than the program; "
                    "raise buffer_memory, or send less"
                ) from late

    async def close(self) -> None:
        """Stop every task; batches still in queues stay there."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _drain(self, queue: PartitionQueue) -> None:
        try:
            while True:
                if self._seals_at_once:
                    self.seal(queue)  # it goes along with those that are full: a request fewer
                if not queue.ready:
                    break
                group = queue.take(self._request_bytes_max)
                try:
                    await self._deliver(queue, group)
                finally:
                    self._finish(queue, group)
        finally:
            queue.draining = False

    def _finish(self, queue: PartitionQueue, group: list[ProducerBatch]) -> None:
        for batch in group:
            # Only a cancelled drain, that is a producer being stopped, leaves batches without an outcome.
            if not batch.is_done:
                batch.fail(closed_before_acknowledged(queue, batch))
        queue.finish()
        self._has_room.set()

    async def _deliver(self, queue: PartitionQueue, group: list[ProducerBatch]) -> None:
        try:
            group = [batch for batch in group if self._prepare(queue, batch)]
            if group:
                await self._write(queue, group)
        except Exception as error:  # noqa: BLE001
            # The boundary of the drain task: whatever goes wrong here, also by a fault of ours, must be
            # told to those who wait for the records, and must not stop later ones.
            _log.exception("%s not written", _name(queue, group))
            known = error if isinstance(error, StreamzError) else _unexpected(queue, group, error)
            self._give_up(group, known, ErrorCode.NONE)

    def _prepare(self, queue: PartitionQueue, batch: ProducerBatch) -> bool:
        """Encode ``batch`` with the next sequence numbers; False if it is not to be sent."""
        transactions = self._transactions
        if transactions.is_transactional and transactions.error is not None:
            batch.fail(transactions.error)
            return False
        if transactions.identity is not queue.identity:
            queue.identity = transactions.identity
            queue.sequence = 0
        try:
            batch.encoded = self._encoded(queue, batch)
        except (StreamzError, TypeError, ValueError, OverflowError) as error:
            text = f"{_name(queue, [batch])} cannot be encoded: {error}"
            _log.error("%s", text)
            refused = IllegalArgumentError(text)
            refused.__cause__ = error
            self._give_up([batch], refused, ErrorCode.NONE)
            return False
        queue.sequence = (queue.sequence + len(batch)) & _SEQUENCE_MASK
        return True

    def _encoded(self, queue: PartitionQueue, batch: ProducerBatch) -> EncodedBatch:
        if batch.raw is None:
            assert batch.columns is not None, "what came record by record was encoded as it came"
            batch.raw = raw_records(*batch.columns)
        transactions = self._transactions
        if not transactions.is_idempotent:
            return batch.raw.framed(compression=self._compression)
        return batch.raw.framed(
            compression=self._compression,
            producer_id=queue.identity.producer_id,
            producer_epoch=queue.identity.epoch,
            base_sequence=queue.sequence,
            transactional=transactions.is_transactional,
        )

    async def _write(self, queue: PartitionQueue, group: list[ProducerBatch]) -> None:
        """Have ``group`` appended, or each of its batches told why not."""
        failure = await self._append(queue, group)
        if failure is None:
            return
        error, code = failure
        if len(group) > 1 and code != ErrorCode.NONE:
            # One bad batch must not fail its neighbours: the broker took none of them.
            await self._write_singly(queue, group)
            return
        _log.error("%s", error)
        self._give_up(group, error, code)
        await self._transactions.recover()

    def _give_up(self, group: list[ProducerBatch], error: StreamzError, code: int) -> None:
        """Tell those who wait; a transaction without these records must not be committed."""
        told = self._transactions.batch_failed(error, code)
        for batch in group:
            batch.fail(told)

    async def _write_singly(self, queue: PartitionQueue, group: list[ProducerBatch]) -> None:
        for batch in group:
            # Where the batch before failed, this one needs the numbers of a new sequence.
            is_outdated = queue.identity is not self._transactions.identity
            if (is_outdated or self._transactions.error is not None) and not self._prepare(queue, batch):
                continue
            await self._write(queue, [batch])

    async def _append(
        self, queue: PartitionQueue, group: list[ProducerBatch]
    ) -> tuple[KafkaError, int] | None:
        """None once ``group`` is in the log; what it failed with, once repeating is of no use."""
        clock = self._requests.clock
        ends_at_ms = min(batch.deadline_ms for batch in group)
        backoff_ms = self._requests.retry_backoff_ms
        self._transactions.note_sending()
        request = self._request(queue, group)
        is_first = True
        while True:
            left_ms = max(ends_at_ms - clock.monotonic_ms(), 0.0)
            try:
                answer = await wait_for(clock, self._requests.link.send(request), left_ms)
            except TimeoutError as late:
                text = f"{_name(queue, group)} not acknowledged within {self._requests.timeout_ms:g} ms"
                failure = KafkaTimeoutError(f"{text}; whether it was written is unknown")
                failure.__cause__ = late
                return failure, ErrorCode.NONE
            result = answer.responses[0].partition_responses[0]
            if result.error_code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
                _acknowledge(group, result)
                return None
            if is_first and await self._begins_anew(queue, group, result.error_code):
                request, is_first = self._request(queue, group), False
                continue
            is_first = False
            left_ms = ends_at_ms - clock.monotonic_ms()
            if not is_repeatable(result.error_code) or left_ms <= backoff_ms:
                return _refused(queue, group, result), result.error_code
            await sleep(clock, backoff_ms)
            if result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
                await self._metadata.refresh_topics([queue.topic_partition.topic])

    async def _begins_anew(self, queue: PartitionQueue, group: list[ProducerBatch], code: int) -> bool:
        """Whether ``group``, refused with ``code`` when first asked, now has the numbers of a new sequence.

        What was refused at first is not written. Where the log does not know what it acknowledged before,
        the topic was made anew. A transaction has to be aborted instead.
        """
        transactions = self._transactions
        if code != ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER or transactions.is_transactional:
            return False
        await transactions.recover()
        for batch in group:
            self._prepare(queue, batch)
        return not any(batch.is_done for batch in group)

    def _request(self, queue: PartitionQueue, group: list[ProducerBatch]) -> ProduceRequest:
        records = EncodedBatches([batch.encoded for batch in group if batch.encoded is not None])
        data = PartitionProduceData(index=queue.partition, records=records)
        return ProduceRequest(
            transactional_id=self._transactions.transactional_id,
            acks=self._acks,
            timeout_ms=int(self._requests.timeout_ms),
            topic_data=[TopicProduceData(name=queue.topic_partition.topic, partition_data=[data])],
        )


def _acknowledge(group: list[ProducerBatch], result: PartitionProduceResponse) -> None:
    offset = result.base_offset
    for batch in group:
        count = len(batch)
        batch.succeed(offset, result.log_append_time_ms, result.log_start_offset)
        if offset >= 0:
            offset += count


def _refused(
    queue: PartitionQueue, group: list[ProducerBatch], result: PartitionProduceResponse
) -> KafkaError:
    code = result.error_code
    return error_for(code, f"{_name(queue, group)} not written: {result.error_message or explained(code)}")


def closed_before_acknowledged(queue: PartitionQueue, batch: ProducerBatch) -> ProducerClosed:
    """What those who wait for ``batch`` are told when the producer is stopped under it."""
    return ProducerClosed(f"{_name(queue, [batch])}: the producer was stopped before they were acknowledged")


def _unexpected(queue: PartitionQueue, group: list[ProducerBatch], error: Exception) -> KafkaError:
    failure = UnknownError(f"{_name(queue, group)} not written: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _name(queue: PartitionQueue, group: list[ProducerBatch]) -> str:
    count = sum(len(batch) for batch in group)
    plural = "" if count == 1 else "s"
    return f"{count} record{plural} for {queue.topic_partition.topic!r} partition {queue.partition}"
