"""``AIOKafkaProducer``: records in, by aiokafka's names and signatures.

Owns: the public producer: its life, partitioning, and the batches that are open for records.
Must not know: requests and repeats (``sender``), the states of transactions (``transactions``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from streamz_core.client.compatible_client import AIOKafkaClient
from streamz_core.client.errors import (
    IllegalArgumentError,
    IllegalStateError,
    KafkaError,
    ProducerClosed,
)
from streamz_core.client.group_metadata import GroupMetadata
from streamz_core.client.link_target import LinkTarget
from streamz_core.client.metadata import MetadataCache
from streamz_core.client.offsets import IllegalGroupError, check_offsets
from streamz_core.client.own_loop import check_own_loop
from streamz_core.client.partitioner import DefaultPartitioner
from streamz_core.client.producer.accumulator import Accumulator
from streamz_core.client.producer.batch import ProducerBatch
from streamz_core.client.producer.batch_builder import (
    BATCH_HEADER_BYTES,
    BatchBuilder,
    columns_of,
    record_size,
)
from streamz_core.client.producer.record_fields import as_bytes, check_headers, check_timestamp
from streamz_core.client.producer.send_buffer import SendBuffer
from streamz_core.client.producer.sender import Sender, closed_before_acknowledged
from streamz_core.client.producer.settings import UNSET, acks_of, check_producer_settings
from streamz_core.client.producer.transaction_scope import TransactionScope
from streamz_core.client.producer.transaction_state import TransactionState
from streamz_core.client.producer.transactions import Transactions
from streamz_core.client.request import Requests
from streamz_core.client.settings import check_connection, check_loop, link_settings
from streamz_core.client.unclosed import warn_unclosed
from streamz_core.protocol.compiled import is_compiled
from streamz_core.protocol.compression import Compression

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from streamz_core.client.link import Link
    from streamz_core.client.producer.batch import RecordFuture
    from streamz_core.model import Header, OffsetAndMetadata, RecordMetadata, TopicPartition
    from streamz_core.protocol.batch_encoder import RawRecords

T = TypeVar("T")
_Append = Callable[[str, Any, Any, Any, Any, Any], "RecordFuture | None"]

_log = logging.getLogger(__name__)


class AIOKafkaProducer:
    """Sends records; see aiokafka's documentation for what is not said here.

    - ``bootstrap_servers``: any address of this project, or a ``Link`` (which stays open at ``stop``).
    - ``acks``: ``"all"`` (the default, unlike aiokafka's 1) is durable on disk, ``1`` is written to the
      operating system, ``0`` promises nothing. See ``docs/contract.md``.
    - ``buffer_memory``: bytes of sealed batches that may wait; ``send`` waits where it is full.
    - ``request_timeout_ms`` bounds every wait, and how long a record is tried.

        async with AIOKafkaProducer(bootstrap_servers="file://./data") as producer:
            metadata = await producer.send_and_wait("views", b"value", key=b"key")
    """

    _started = _closed = False  # so that one whose constructor raised is collected like any other

    def __init__(  # noqa: PLR0913 - aiokafka's parameters
        self,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        bootstrap_servers: str | list[str] | Link = "localhost",
        client_id: str | None = None,
        metadata_max_age_ms: int = 300_000,
        request_timeout_ms: int = 40_000,
        api_version: str | None = None,
        acks: int | str = UNSET,
        key_serializer: Callable[[Any], bytes] | None = None,
        value_serializer: Callable[[Any], bytes] | None = None,
        compression_type: str | None = None,
        max_batch_size: int = 16_384,
        partitioner: Callable[[bytes | None, list[int], list[int]], int] = DefaultPartitioner(),  # noqa: B008 - stateless
        max_request_size: int = 1_048_576,
        linger_ms: int = 0,
        retry_backoff_ms: int = 100,
        security_protocol: str = "PLAINTEXT",
        ssl_context: Any = None,
        connections_max_idle_ms: int = 540_000,
        enable_idempotence: bool = False,
        transactional_id: str | None = None,
        transaction_timeout_ms: int = 60_000,
        sasl_mechanism: str = "PLAIN",
        sasl_plain_password: str | None = None,
        sasl_plain_username: str | None = None,
        sasl_kerberos_service_name: str = "kafka",
        sasl_kerberos_domain_name: str | None = None,
        sasl_oauth_token_provider: Any = None,
        buffer_memory: int = 33_554_432,
    ) -> None:
        check_connection(
            bootstrap_servers,
            security_protocol=security_protocol,
            sasl_mechanism=sasl_mechanism,
            ssl_context=ssl_context,
            loop=loop,
            api_version=api_version,
        )
        check_producer_settings(
            metadata_max_age_ms=metadata_max_age_ms,
            request_timeout_ms=request_timeout_ms,
            max_batch_size=max_batch_size,
            max_request_size=max_request_size,
            linger_ms=linger_ms,
            retry_backoff_ms=retry_backoff_ms,
            transaction_timeout_ms=transaction_timeout_ms,
            connections_max_idle_ms=connections_max_idle_ms,
            buffer_memory=buffer_memory,
            compression_type=compression_type,
            key_serializer=key_serializer,
            value_serializer=value_serializer,
            partitioner=partitioner,
            enable_idempotence=enable_idempotence,
            transactional_id=transactional_id,
        )
        # Thirty attributes, start()'s included: CPython finds no more than that without hashing, and send()
        # looks for one of them for each record.
        self._is_idempotent = enable_idempotence or transactional_id is not None
        self._acks = acks_of(acks, is_idempotent=self._is_idempotent)
        self._loop_argument = loop
        self.client_id = client_id or "streamz-producer"
        self._target = LinkTarget(
            bootstrap_servers,
            link_settings(
                client_id=self.client_id,
                request_timeout_ms=request_timeout_ms,
                connections_max_idle_ms=connections_max_idle_ms,
                security_protocol=security_protocol,
                ssl_context=ssl_context,
                sasl_mechanism=sasl_mechanism,
                sasl_plain_username=sasl_plain_username,
                sasl_plain_password=sasl_plain_password,
                sasl_oauth_token_provider=sasl_oauth_token_provider,
            ),
        )
        self._metadata_max_age_ms = metadata_max_age_ms
        self._request_timeout_ms = request_timeout_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._key_serializer = key_serializer
        self._value_serializer = value_serializer
        self._compression = Compression.from_name(compression_type)
        self._batch_bytes_max = min(max_batch_size, max_request_size)
        self._request_bytes_max = max_request_size
        self._partitioner = partitioner
        self._linger_ms = linger_ms
        self._buffer_memory = buffer_memory
        self._transactional_id = transactional_id
        self._transaction_timeout_ms = transaction_timeout_ms
        self._link: Link | None = None
        self._started = False
        self._closed = False
        self._may_send = False
        self._append: _Append = _not_at_once

    async def start(self) -> None:
        """Open the log and get ready to send; ends transactions an earlier producer of this id left open."""
        if self._closed:
            raise ProducerClosed("the producer was stopped: make a new one")
        if self._started or self._link is not None:
            raise IllegalStateError("start() was called before")
        check_loop(self._loop_argument, "AIOKafkaProducer")
        self._link = await self._target.open()
        try:
            self._loop = asyncio.get_running_loop()
            self._requests = Requests(self._link, self._request_timeout_ms, self._retry_backoff_ms)
            self._metadata = MetadataCache(self._requests, self._metadata_max_age_ms)
            self._transactions = Transactions(
                self._requests,
                is_idempotent=self._is_idempotent,
                transactional_id=self._transactional_id,
                timeout_ms=self._transaction_timeout_ms,
                on_change=self._set_gate,
            )
            buffer = SendBuffer(self._buffer_memory)
            self._sender = Sender(
                self._requests,
                self._metadata,
                self._transactions,
                buffer,
                acks=self._acks,
                compression=self._compression,
                request_bytes_max=self._request_bytes_max,
                seals_at_once=self._linger_ms == 0,
            )
            hashes_keys = type(self._partitioner) is DefaultPartitioner
            self._accumulator = Accumulator(
                self._requests,
                self._metadata,
                self._sender,
                buffer,
                None if hashes_keys else self._partitioner,
                batch_bytes_max=self._batch_bytes_max,
                request_bytes_max=self._request_bytes_max,
                linger_ms=self._linger_ms,
                check_gate=self._check_gate,
            )
            await self._metadata.refresh()
            await self._transactions.initialize()
        except BaseException:
            await self._close_link()
            raise
        self._started = True
        self._set_gate()

    async def stop(self) -> None:
        """Send what is buffered (for ``request_timeout_ms`` at most), abort an open transaction, let go."""
        if self._closed:
            return
        if self._started:
            check_own_loop(self._loop, self)
        self._closed = True
        if not self._started:
            return
        self._set_gate()
        try:
            await self._accumulator.flush()
            await self._abort_left_open()
        finally:
            await self._tear_down()

    def __del__(self) -> None:
        if self._started and not self._closed and not self._target.is_link:
            warn_unclosed(self, "producer", self._loop)

    @property
    def client(self) -> AIOKafkaClient:
        """The bare client on this producer's link: its metadata, and requests of other kinds."""
        self._require_started()
        return AIOKafkaClient.over(self._requests, self._metadata, self.client_id, self._loop)

    async def flush(self) -> None:
        """Return once all that was sent until now is acknowledged or given up."""
        self._require_started()
        await self._accumulator.flush()

    async def partitions_for(self, topic: str) -> set[int]:
        """The partitions of ``topic``; creates it where the broker does that on demand."""
        self._require_started()
        return await self._metadata.partitions_of(topic)

    async def send(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Put one record into its partition's batch and return the future of its ``RecordMetadata``.

        Waits only where the buffer is full or the topic is not known yet. Raises
        ``MessageSizeTooLargeError`` for a record that no request can hold; the future raises what the
        broker refused.

        From another event loop than the producer's: ``IllegalStateError``, but for a record that finds a batch open. It
        may go along, and its future is the producer's loop's: an ``await`` of it elsewhere raises ``RuntimeError``.
        """
        # The hot path of programs that send record by record: what is usual is done by one compiled call.
        # RecordFuture is a future to asyncio by protocol, not by class.
        future = self._append(topic, value, key, partition, timestamp_ms, headers)
        if future is None:
            future = await self._append_with_room(topic, value, key, partition, timestamp_ms, headers)
        return future  # type: ignore[return-value]

    async def send_and_wait(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] | None = None,
    ) -> RecordMetadata:
        """Send one record and wait until it is acknowledged."""
        self._check_may_send()
        future = await self.send(topic, value, key, partition, timestamp_ms, headers)
        return await future

    async def send_columns(
        self,
        topic: str,
        partition: int,
        keys: Sequence[bytes | None] | None,
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Send many records of one partition at once: ``future = await producer.send_columns(...)``.

        Columns of bytes, same length, in order; serializers do not apply. They become one batch, or as
        many as ``max_request_size`` makes it. Keep the sequences as they are until the future is done. The
        future gives the first record's metadata once all are acknowledged.
        """
        self._check_may_send()
        count = len(values)
        if count == 0 or len(timestamps) != count or (keys is not None and len(keys) != count):
            raise IllegalArgumentError(
                f"send_columns to {topic!r}: columns must have the same length, at least 1; they have "
                f"{'no' if keys is None else len(keys)} keys, {count} values, {len(timestamps)} timestamps"
            )
        route = self._accumulator.routes.get(topic) or await self._accumulator.route_to(topic)
        queue = await self._accumulator.choose(route, None, None, partition)
        columns: list[bytes | None] = [None] * count if keys is None else _as_list(keys)
        values, timestamps = _as_list(values), _as_list(timestamps)
        batches = self._accumulator.batches_of(queue, columns, values, timestamps, headers)
        await self._accumulator.push(queue, batches)
        return self._accumulator.joined(batches)

    async def send_encoded(
        self, topic: str, partition: int, encoded: Sequence[RawRecords]
    ) -> asyncio.Future[RecordMetadata]:
        """Send batches that were encoded record by record: ``future = await producer.send_encoded(...)``.

        Each has at least one record and becomes one batch. The future gives the first record's metadata once
        all are acknowledged.
        """
        self._check_may_send()
        if not encoded or not all(records.record_count for records in encoded):
            raise IllegalArgumentError(
                f"send_encoded to {topic!r}: {len(encoded)} batches, or one without records"
            )
        route = self._accumulator.routes.get(topic) or await self._accumulator.route_to(topic)
        queue = await self._accumulator.choose(route, None, None, partition)
        batches = []
        for records in encoded:
            batch = ProducerBatch(queue.topic_partition, 0, self._loop)
            batch.raw = records
            batch.hold(records.record_count, records.base_timestamp)
            batch.size_bytes = BATCH_HEADER_BYTES + records.size_bytes
            self._accumulator.check_size(topic, records.size_bytes)
            batches.append(batch)
        await self._accumulator.push(queue, batches)
        return self._accumulator.joined(batches)

    def create_batch(self) -> BatchBuilder:
        """A batch to fill by hand and give to ``send_batch``."""
        return BatchBuilder(
            self._batch_bytes_max,
            self._compression,
            is_transactional=int(self._transactional_id is not None),
            key_serializer=self._key_serializer,
            value_serializer=self._value_serializer,
            clock=self._requests.clock if self._started else None,
        )

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[RecordMetadata]:
        """Send a batch of ``create_batch``, and close it; the future gives the first record's metadata."""
        self._check_may_send()
        builder = columns_of(batch)
        builder.close()
        route = self._accumulator.routes.get(topic) or await self._accumulator.route_to(topic)
        queue = await self._accumulator.choose(route, None, None, partition)
        sealed = ProducerBatch(queue.topic_partition, 0, self._loop)
        sealed.columns = (builder.keys, builder.values, builder.timestamps, builder.headers)
        sealed.hold(builder.record_count(), builder.timestamps[0])
        sealed.size_bytes = builder.size()
        self._accumulator.check_size(topic, sealed.size_bytes)
        await self._accumulator.push(queue, [sealed])
        return self._accumulator.joined([sealed])

    async def begin_transaction(self) -> None:
        """Begin a transaction: what is sent from here on becomes visible together, or never."""
        self._require_started()
        self._transactions.begin()

    async def commit_transaction(self) -> None:
        """Send what is buffered and make the transaction visible.

        Raises what a record of it failed with: then abort it. After ``KafkaTimeoutError`` the outcome is
        unknown: call it again.
        """
        await self._end_transaction(commit=True)

    async def abort_transaction(self) -> None:
        """Make sure that nothing of the transaction is ever seen by ``read_committed`` consumers."""
        await self._end_transaction(commit=False)

    def transaction(self) -> TransactionScope:
        """``async with producer.transaction():`` commits at the end, aborts if the body raises."""
        self._require_started()
        return TransactionScope(self, self._finish_abort)

    async def send_offsets_to_transaction(
        self,
        offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]],
        group_id: str | GroupMetadata,
    ) -> None:
        """Commit ``offsets`` for a group with the transaction.

        Give ``consumer.group_metadata()`` rather than the bare group id, so that a consumer that lost its
        partitions is refused (``CommitFailedError``; abort then).
        """
        self._require_started()
        self._transactions.check_open()
        if not group_id or not isinstance(group_id, (str, GroupMetadata)):
            raise IllegalGroupError(f"group_id={group_id!r}: must be a group id or consumer.group_metadata()")
        group = GroupMetadata(group_id) if isinstance(group_id, str) else group_id
        await self._transactions.add_offsets(check_offsets(offsets), group)

    async def __aenter__(self) -> AIOKafkaProducer:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def _append_with_room(
        self,
        topic: str,
        value: Any,
        key: Any,
        partition: int | None,
        timestamp_ms: int | None,
        headers: Sequence[tuple[str, bytes | None]] | None,
    ) -> RecordFuture:
        """Do what keeps the record from being appended at once: refuse it, serialize it, make or wait for room."""
        self._check_may_send()
        if self._key_serializer is not None:
            key = self._key_serializer(key)
        if self._value_serializer is not None:
            value = self._value_serializer(value)
        headers = check_headers(headers)
        key, value = as_bytes("key", key), as_bytes("value", value)
        check_timestamp("timestamp_ms", timestamp_ms)
        size = record_size(key, value, headers)
        if size > self._batch_bytes_max:
            self._accumulator.check_size(topic, size)
        route = self._accumulator.routes.get(topic) or await self._accumulator.route_to(topic)
        queue = await self._accumulator.choose(route, key, value, partition)
        self._check_gate()  # the producer may have been stopped while its topic was looked up
        await self._accumulator.make_room(queue, size)
        future = self._accumulator.open_batches.append(
            topic, value, key, queue.partition, timestamp_ms, headers
        )
        assert future is not None, "there was room, and nobody else ran"
        return future

    async def _end_transaction(self, *, commit: bool) -> None:
        self._require_started()
        self._transactions.start_ending(commit=commit)
        await self._accumulator.flush()
        await self._transactions.end(commit=commit)

    async def _finish_abort(self) -> None:
        if self._transactions.state in (TransactionState.ABORT_ONLY, TransactionState.ABORTING):
            await self.abort_transaction()

    async def _abort_left_open(self) -> None:
        if self._transactions.state not in (TransactionState.IN_TRANSACTION, TransactionState.ABORT_ONLY):
            return
        try:
            self._transactions.start_ending(commit=False)
            await self._transactions.end(commit=False)
        except KafkaError as error:
            _log.warning("the open transaction will end by its timeout: %s", error)

    def _set_gate(self) -> None:
        self._may_send = self._started and not self._closed and self._transactions.may_send
        takes_bytes = self._key_serializer is None and self._value_serializer is None
        if not (self._may_send and takes_bytes):
            self._append = _not_at_once
        elif is_compiled():
            self._append = self._accumulator.open_batches.append
        else:
            self._append = self._append_on_own_loop

    def _append_on_own_loop(self, *record: Any) -> RecordFuture | None:
        """Interpreted, another thread may run between any two lines of ``append``: it must not get that far."""
        check_own_loop(self._loop, self)
        return self._accumulator.open_batches.append(*record)

    def _check_gate(self) -> None:
        if not self._may_send:
            raise self._refusal()

    def _check_may_send(self) -> None:
        self._check_gate()
        check_own_loop(self._loop, self)

    def _refusal(self) -> Exception:
        """Why nothing can be sent now."""
        if self._closed:
            return ProducerClosed("the producer was stopped: it takes no more records")
        if not self._started:
            return IllegalStateError(
                "the producer was not started: await producer.start(), or use async with"
            )
        return self._transactions.refusal()

    def _require_started(self) -> None:
        if self._closed or not self._started:
            raise self._refusal()
        check_own_loop(self._loop, self)

    async def _tear_down(self) -> None:
        """Whatever is cancelled on the way: nobody waits for a record for ever, and the log is let go of."""
        try:
            self._accumulator.close()
            await self._sender.close()
        finally:
            for queue in self._accumulator.queues():
                for batch in queue.unacknowledged():
                    batch.fail(closed_before_acknowledged(queue, batch))
            await self._close_link()

    async def _close_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await self._target.close(link)


def _as_list(column: Sequence[T]) -> list[T]:
    return column if isinstance(column, list) else list(column)


def _not_at_once(*_: object) -> None:
    """``OpenBatches.append`` of a producer that cannot send, or has to serialize first."""
