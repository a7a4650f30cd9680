"""``AIOKafkaConsumer``: records out, by aiokafka's names and signatures.

Owns: the public consumer: what is subscribed to, and reading.
Must not know: how buffers are filled (``fetcher``), records handed out (``reader``), groups joined
(``group_member``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.client.consumer.consumer_positions import ConsumerPositions
from streamz_core.client.errors import ConsumerStoppedError
from streamz_core.client.offsets import IllegalOffsetError
from streamz_core.client.own_loop import check_own_loop
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from streamz_core.client.group_metadata import GroupMetadata
    from streamz_core.model import ConsumerRecord
    from streamz_core.protocol.record_batch import Columns


class AIOKafkaConsumer(ConsumerPositions):
    """Reads records; see aiokafka's documentation for what is not said here.

    - ``bootstrap_servers``: any address of this project, or a ``Link`` (which stays open at ``stop``).
    - Automatic commits take a record as done when the program asks for the next one, so a record that
      made the program fail is never committed. ``stop()`` commits the record in hand too, unless it is
      called because of an exception; ``stop(commit=False)`` commits nothing.
    - Heartbeats and rebalances do not wait for the program; ``max_poll_interval_ms`` is how long it may
      take until it asks for records again.
    - With ``CooperativeStickyPartitionAssignor`` in ``partition_assignment_strategy`` members keep what they
      read while their group rebalances (KIP-429). A listener may have ``on_partitions_lost``, called in place
      of ``on_partitions_revoked`` where the partitions may have another owner already.
    - ``check_crcs`` is about links to other processes: a log in this process compares every checksum itself.

        async with AIOKafkaConsumer("views", bootstrap_servers="file://./data", group_id="g") as consumer:
            async for record in consumer:
                print(record.value)
    """

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions, whoever else does. Cannot be mixed with ``subscribe``."""
        self._check_own_loop()
        self._subscription.assign_by_hand(partitions, self._start_at())

    def assignment(self) -> set[TopicPartition]:
        """The partitions assigned now, by hand or by the group."""
        return self._subscription.partitions()

    def subscribe(self, topics: Iterable[str] = (), pattern: str | None = None, listener: Any = None) -> None:
        """Read ``topics``, or all that ``pattern`` matches (from the start of their names)."""
        self._check_own_loop()
        self._subscription.subscribe(topics, pattern, listener)
        self._reassign_soon()

    def subscription(self) -> frozenset[str]:
        """The topics subscribed to, those that a pattern matched included."""
        return self._subscription.topics

    def unsubscribe(self) -> None:
        """Read nothing; leaves the group."""
        self._check_own_loop()
        self._subscription.clear()

    async def topics(self) -> set[str]:
        """The topics there are."""
        self._require_started()
        return (await self._metadata.refresh()).topics(self._exclude_internal_topics)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions of ``topic``, as of the last metadata; None where it is unknown."""
        self._require_started()
        return self._metadata.cluster.partitions_for_topic(topic)

    def group_metadata(self) -> GroupMetadata:
        """Who this consumer was in its group when the program last asked for records.

        For ``producer.send_offsets_to_transaction``: a rebalance since then may have given the partitions
        of those records to others, so a commit of them is refused.
        """
        return self._group_member().identity_at_poll

    async def getone(self, *partitions: TopicPartition) -> ConsumerRecord[Any, Any]:
        """The next record, of ``partitions`` or of any assigned one; waits for it."""
        self._require_started()
        if partitions:
            return await self._reader.one(partitions)
        return await self._next()

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord[Any, Any]]]:
        """What is there, by partition; waits up to ``timeout_ms`` where nothing is.

        ``max_records`` bounds the sum, ``max_poll_records`` where it is not given.
        """
        self._require_started()
        return await self._reader.many(partitions, timeout_ms, self._most(max_records))

    async def getcolumns(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, Columns]:
        """Like ``getmany``, as columns of bytes and without an object per record; deserializers do not apply.

        The lists are the caller's to read, not to change.
        """
        self._require_started()
        return await self._reader.columns(partitions, timeout_ms, self._most(max_records))

    def __aiter__(self) -> AsyncIterator[ConsumerRecord[Any, Any]]:
        self._require_started()
        return self

    async def __anext__(self) -> ConsumerRecord[Any, Any]:
        # The hot path of programs that read record by record.
        reader = self._reader
        for record in reader.run:
            state = reader.run_state
            offset = record.offset
            state.finished = offset  # type: ignore[union-attr]  # a run has a state
            state.position = offset + 1  # type: ignore[union-attr]
            reader.polled = True
            return record
        check_own_loop(self._loop, self)
        try:
            return await reader.one(())
        except ConsumerStoppedError:
            raise StopAsyncIteration from None

    async def _next(self) -> ConsumerRecord[Any, Any]:
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise ConsumerStoppedError("the consumer was stopped") from None

    def _reassign_soon(self) -> None:
        """``subscribe`` after ``start``: a group member notices by itself, a consumer alone is told."""
        if self._started and self._group_id is None:
            self._solo.assign_soon()

    def _most(self, max_records: int | None) -> int | None:
        if max_records is None:
            return self._max_poll_records
        if not isinstance(max_records, int) or max_records < 1:
            raise IllegalOffsetError(
                f"max_records={max_records!r}: must be a whole number, 1 or more, or None"
            )
        return max_records
