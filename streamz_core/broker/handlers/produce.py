"""Produce: append batches, and answer when they are as durable as asked.

Owns: the answer to ``ProduceRequest``.
Must not know: how batches are stored, how a sync is done, what a transaction is made of.

All partitions of a request are written first and then waited for together, so that they share a
sync. One partition's error is its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from streamz_core.broker.append import LEVEL_OF_ACKS
from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.broker.topic_ids import missing, resolve
from streamz_core.broker.topic_rules import Refusal, is_internal, refuse_change, unknown_partition
from streamz_core.errors import ErrorCode
from streamz_core.log.errors import InvalidRecords
from streamz_core.log.refused_records import refused_records
from streamz_core.model import Durability, TopicPartition
from streamz_core.protocol.batch_check import check_records
from streamz_core.protocol.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)
from streamz_core.protocol.record_batch import CorruptBatch, EncodedBatches, read_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.broker.flusher import Outcome
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.broker.services import NewRecords, Records
    from streamz_core.log.partition_log import Appended, PartitionLog
    from streamz_core.protocol.record_batch import BatchHeader

REQUEST: Final = ProduceRequest


class _Write:
    """One partition of the request: what was written, what it waits for, or why it was refused."""

    __slots__ = ("appended", "index", "log", "record_errors", "refusal", "waiter")

    def __init__(self, index: int) -> None:
        self.index = index
        self.log: PartitionLog | None = None
        self.appended: Appended | None = None
        self.refusal: Refusal | None = None
        self.record_errors: Sequence[BatchIndexAndErrorMessage] = ()
        self.waiter: asyncio.Future[Outcome] | None = None

    def answer(self) -> PartitionProduceResponse:
        if self.refusal is not None or self.appended is None or self.log is None:
            code, message = self.refusal or (ErrorCode.UNKNOWN_SERVER_ERROR, "nothing was appended")
            return PartitionProduceResponse(
                index=self.index, error_code=code, record_errors=self.record_errors, error_message=message
            )
        return PartitionProduceResponse(
            index=self.index,
            base_offset=self.appended.base_offset,
            log_append_time_ms=self.appended.log_append_time_ms,
            log_start_offset=self.log.log_start_offset,
        )


async def handle(broker: HandlerBroker, request: ProduceRequest) -> ProduceResponse:
    """Append to each partition, then wait for all of them together."""
    level = LEVEL_OF_ACKS.get(request.acks)
    answers: list[tuple[TopicProduceData, list[_Write]]] = []
    waiting: list[_Write] = []
    for topic in request.topic_data:
        name = resolve(broker.directory, topic.name, topic.topic_id)
        writes: list[_Write] = []
        for data in topic.partition_data:
            write = _Write(data.index)
            writes.append(write)
            if level is None:
                message = f"acks={request.acks}: allowed are -1 (durable), 1 (written) and 0"
                write.refusal = Refusal(ErrorCode.INVALID_REQUIRED_ACKS, message)
                continue
            if name is None:
                message = f"there is no topic with the id {topic.topic_id}"
                write.refusal = Refusal(missing(topic.topic_id), message)
                continue
            target = TopicPartition(name, data.index)
            await _write(broker, request, target, data.records, level, write)
            if write.refusal is None:
                waiting.append(write)
        answers.append((topic, writes))
    if level is Durability.SYNC and broker.config.durability is Durability.SYNC:
        await _wait_durable(broker, waiting, request.timeout_ms)
    return ProduceResponse(
        responses=[
            TopicProduceResponse(
                name=topic.name,
                topic_id=topic.topic_id,
                partition_responses=[write.answer() for write in writes],
            )
            for topic, writes in answers
        ]
    )


async def _write(
    broker: HandlerBroker,
    request: ProduceRequest,
    target: TopicPartition,
    records: NewRecords,
    level: Durability,
    write: _Write,
) -> None:
    if broker.log(target.topic, target.partition) is None:
        write.refusal = unknown_partition(target)
        return
    if is_internal(target.topic):
        write.refusal = refuse_change(target.topic)
        return
    try:
        headers = records.headers() if isinstance(records, EncodedBatches) else _checked_headers(records)
    except CorruptBatch as corrupt:
        message = f"{target.topic}-{target.partition}: the records are no whole, sound batches: {corrupt}"
        write.refusal = Refusal(ErrorCode.CORRUPT_MESSAGE, message)
        return
    write.refusal = _refuse_batches(target, headers, request.transactional_id)
    if write.refusal is None and request.transactional_id is not None:
        write.refusal = await _refuse_transaction(broker, request, request.transactional_id, headers, target)
    # Looked up only now: the topic may have been deleted while the coordinator was asked.
    log = write.log = broker.log(target.topic, target.partition)
    if write.refusal is not None:
        return
    if log is None:
        write.refusal = unknown_partition(target)
        return
    write.refusal = broker.space.refuse(log.name, len(records))
    if write.refusal is not None:
        return
    try:
        write.appended = broker.write(log, records, level=level)
    except LOG_FAILURES as refused:
        write.refusal = Refusal(refused.code, str(refused))
        if isinstance(refused, InvalidRecords):
            to_blame = refused_records(records, log.config, broker.clock.now_ms())
            write.record_errors = [
                BatchIndexAndErrorMessage(batch_index=one.place, batch_index_error_message=one.reason)
                for one in to_blame
            ]


def _checked_headers(records: Records) -> list[BatchHeader]:
    """The headers, once every record behind them could be read: what another program sends may be anything, and a
    batch that no consumer can unpack would hold all of them up for good. Raises ``CorruptBatch``.
    """
    headers = read_headers(records)
    position = 0
    for header in headers:
        check_records(records, position, header)
        position += header.size_bytes
    return headers


def _refuse_batches(
    target: TopicPartition, headers: list[BatchHeader], transactional_id: str | None
) -> Refusal | None:
    """What the log cannot know: that these bytes come from a user, and on behalf of which transaction."""
    where = f"{target.topic}-{target.partition}"
    if not headers:
        return Refusal(ErrorCode.INVALID_RECORD, f"{where}: there is no record batch")
    for header in headers:
        if header.is_control:
            return Refusal(ErrorCode.INVALID_RECORD, f"{where}: only the broker writes control batches")
        if header.is_transactional != (transactional_id is not None):
            batch = "a transactional batch" if header.is_transactional else "a batch without transaction"
            under = f"transactional id {transactional_id!r}" if transactional_id else "no transactional id"
            return Refusal(ErrorCode.INVALID_TXN_STATE, f"{where}: {batch} in a request with {under}")
    return None


async def _refuse_transaction(
    broker: HandlerBroker,
    request: ProduceRequest,
    transactional_id: str,
    headers: list[BatchHeader],
    target: TopicPartition,
) -> Refusal | None:
    where = f"{target.topic}-{target.partition}"
    identities = {(header.producer_id, header.producer_epoch) for header in headers}
    if len(identities) > 1:
        # Whose transaction would be verified for the others? They would hang for ever.
        message = (
            f"{where}: batches of {len(identities)} producers under {transactional_id!r}: send one's only"
        )
        return Refusal(ErrorCode.INVALID_RECORD, message)
    producer_id, producer_epoch = identities.pop()
    code = await broker.transactions.verify_partition(
        transactional_id, producer_id, producer_epoch, target, request.transaction_version
    )
    if code is ErrorCode.NONE:
        return None
    message = (
        f"{where}: transaction of {transactional_id!r} "
        f"(producer id {producer_id}, epoch {producer_epoch}): {code.name}"
    )
    return Refusal(code, message)


async def _wait_durable(broker: HandlerBroker, writes: list[_Write], timeout_ms: int) -> None:
    """Wait until all are durable, or ``timeout_ms`` have passed; what is still open then timed out."""
    for write in writes:
        assert write.log is not None
        assert write.appended is not None
        write.waiter = broker.flusher.request(write.log, write.appended.last_offset + 1)
    open_writes = [write for write in writes if write.waiter is not None]
    if not open_writes:
        return
    await _wait_all(broker, [write.waiter for write in open_writes if write.waiter is not None], timeout_ms)
    for write in open_writes:
        _settle(write, timeout_ms)


def _settle(write: _Write, timeout_ms: int) -> None:
    assert write.log is not None
    assert write.waiter is not None
    if not write.waiter.done():
        write.waiter.cancel()
        message = (
            f"{write.log.topic}-{write.log.partition}: not durable after {timeout_ms} ms; "
            "the records are written and may still become so"
        )
        write.refusal = Refusal(ErrorCode.REQUEST_TIMED_OUT, message)
        return
    failure = write.waiter.result()
    if failure is not None:
        write.refusal = Refusal(failure.code, str(failure))


async def _wait_all(broker: HandlerBroker, waiters: list[asyncio.Future[Outcome]], timeout_ms: int) -> None:
    # Not asyncio.wait and not the deadline scope: this is on the path of every durable produce, and
    # one future and one timer cost a fifth of theirs.
    left = len(waiters)
    all_done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def one_done(_: asyncio.Future[Outcome]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            finish()

    def finish() -> None:
        if not all_done.done():
            all_done.set_result(None)

    for waiter in waiters:
        waiter.add_done_callback(one_done)
    timer = broker.clock.call_later(timeout_ms, finish)
    try:
        await all_done
    finally:
        timer.cancel()
