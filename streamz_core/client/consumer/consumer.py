"""``AIOKafkaConsumer``: records out, by aiokafka's names and signatures.

Owns: the public consumer: its life and its methods.
Must not know: how buffers are filled (``fetcher``), records handed out (``reader``), groups joined
(``group_member``).
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from streamz_core.aio.deadline import wait_for
from streamz_core.aio.supervisor import Supervisor
from streamz_core.client.consumer.assignors.roundrobin import RoundRobinPartitionAssignor
from streamz_core.client.consumer.fetcher import Fetcher, FetchSettings
from streamz_core.client.consumer.group_member import GroupMember, GroupSettings
from streamz_core.client.consumer.offset_requests import fetch_committed, list_offsets
from streamz_core.client.consumer.partition_state import COMMITTED, EARLIEST, LATEST
from streamz_core.client.consumer.reader import RecordReader
from streamz_core.client.consumer.records import RecordBuilder
from streamz_core.client.consumer.settings import assignors_of, check_consumer_settings
from streamz_core.client.consumer.solo_assignment import SoloAssignment
from streamz_core.client.consumer.subscription import Subscription, check_partitions
from streamz_core.client.errors import (
    ConsumerStoppedError,
    IllegalOperation,
    IllegalStateError,
    KafkaTimeoutError,
)
from streamz_core.client.local_link import open_link
from streamz_core.client.metadata import MetadataCache
from streamz_core.client.offsets import IllegalOffsetError, check_offsets
from streamz_core.client.request import Requests
from streamz_core.client.settings import check_connection, check_loop
from streamz_core.model import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from streamz_core.client.consumer.partition_state import PartitionState
    from streamz_core.client.group_metadata import GroupMetadata
    from streamz_core.client.link import Link
    from streamz_core.model import ConsumerRecord
    from streamz_core.protocol.record_batch import Columns


class AIOKafkaConsumer:
    """Reads records; see aiokafka's documentation for what is not said here.

    - ``bootstrap_servers``: any address of this project, or a ``Link`` (which stays open at ``stop``).
    - Automatic commits take a record as done when the program asks for the next one, so a record that
      made the program fail is never committed. ``stop()`` commits the record in hand too, unless it is
      called because of an exception; ``stop(commit=False)`` commits nothing.
    - Heartbeats and rebalances do not wait for the program; ``max_poll_interval_ms`` is how long it may
      take until it asks for records again.
    - ``check_crcs`` is about links to other processes: a log in this process compares every checksum itself.

        async with AIOKafkaConsumer("views", bootstrap_servers="file://./data", group_id="g") as consumer:
            async for record in consumer:
                print(record.value)
    """

    def __init__(  # noqa: PLR0913 - aiokafka's parameters
        self,
        *topics: str,
        loop: asyncio.AbstractEventLoop | None = None,
        bootstrap_servers: str | list[str] | Link = "localhost",
        client_id: str = "streamz-consumer",
        group_id: str | None = None,
        group_instance_id: str | None = None,
        key_deserializer: Callable[[bytes], Any] | None = None,
        value_deserializer: Callable[[bytes], Any] | None = None,
        fetch_max_wait_ms: int = 500,
        fetch_max_bytes: int = 52_428_800,
        fetch_min_bytes: int = 1,
        max_partition_fetch_bytes: int = 1_048_576,
        request_timeout_ms: int = 40_000,
        retry_backoff_ms: int = 100,
        auto_offset_reset: str = "latest",
        enable_auto_commit: bool = True,
        auto_commit_interval_ms: int = 5_000,
        check_crcs: bool = True,
        metadata_max_age_ms: int = 300_000,
        partition_assignment_strategy: Sequence[Any] = (RoundRobinPartitionAssignor,),
        max_poll_interval_ms: int = 300_000,
        rebalance_timeout_ms: int | None = None,
        session_timeout_ms: int = 10_000,
        heartbeat_interval_ms: int = 3_000,
        consumer_timeout_ms: int = 200,
        max_poll_records: int | None = None,
        ssl_context: Any = None,
        security_protocol: str = "PLAINTEXT",
        api_version: str | None = None,
        exclude_internal_topics: bool = True,
        connections_max_idle_ms: int = 540_000,
        isolation_level: str = "read_uncommitted",
        sasl_mechanism: str = "PLAIN",
        sasl_plain_password: str | None = None,
        sasl_plain_username: str | None = None,
        sasl_kerberos_service_name: str = "kafka",
        sasl_kerberos_domain_name: str | None = None,
        sasl_oauth_token_provider: Any = None,
        client_rack: str | None = None,
    ) -> None:
        check_connection(
            bootstrap_servers,
            security_protocol=security_protocol,
            sasl_mechanism=sasl_mechanism,
            ssl_context=ssl_context,
            loop=loop,
            api_version=api_version,
        )
        check_consumer_settings(
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
            auto_offset_reset=auto_offset_reset,
            isolation_level=isolation_level,
            group_id=group_id,
            group_instance_id=group_instance_id,
            max_poll_records=max_poll_records,
            rebalance_timeout_ms=rebalance_timeout_ms,
            fetch_max_wait_ms=fetch_max_wait_ms,
            fetch_max_bytes=fetch_max_bytes,
            fetch_min_bytes=fetch_min_bytes,
            max_partition_fetch_bytes=max_partition_fetch_bytes,
            request_timeout_ms=request_timeout_ms,
            retry_backoff_ms=retry_backoff_ms,
            auto_commit_interval_ms=auto_commit_interval_ms,
            metadata_max_age_ms=metadata_max_age_ms,
            max_poll_interval_ms=max_poll_interval_ms,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=heartbeat_interval_ms,
            consumer_timeout_ms=consumer_timeout_ms,
            connections_max_idle_ms=connections_max_idle_ms,
        )
        isolation = IsolationLevel[isolation_level.upper()]
        self._loop_argument = loop
        self._address = bootstrap_servers
        self._request_timeout_ms = request_timeout_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._metadata_max_age_ms = metadata_max_age_ms
        self._group_id = group_id
        self._auto_offset_reset = auto_offset_reset
        self._isolation = isolation
        self._max_poll_records = max_poll_records
        self._exclude_internal_topics = exclude_internal_topics
        self._assignors = assignors_of(partition_assignment_strategy)
        self._builder = RecordBuilder(key_deserializer, value_deserializer)
        self._fetch_settings = FetchSettings(
            fetch_max_wait_ms=fetch_max_wait_ms,
            fetch_min_bytes=fetch_min_bytes,
            fetch_max_bytes=fetch_max_bytes,
            max_partition_fetch_bytes=max_partition_fetch_bytes,
            consumer_timeout_ms=consumer_timeout_ms,
            auto_offset_reset=auto_offset_reset,
            isolation=isolation,
            group_id=group_id,
        )
        self._group_settings = GroupSettings(
            group_id=group_id or "",
            group_instance_id=group_instance_id,
            client_id=client_id,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=heartbeat_interval_ms,
            rebalance_timeout_ms=rebalance_timeout_ms or session_timeout_ms,
            max_poll_interval_ms=max_poll_interval_ms,
            enable_auto_commit=enable_auto_commit,
            auto_commit_interval_ms=auto_commit_interval_ms,
            exclude_internal_topics=exclude_internal_topics,
        )
        self._subscription = Subscription(checks_crcs=check_crcs)
        self._link: Link | None = None
        self._member: GroupMember | None = None
        self._started = False
        self._closed = False
        if topics:
            self._subscription.subscribe(topics, None, None)

    async def start(self) -> None:
        """Open the log; where topics are subscribed to, join the group and return with an assignment."""
        if self._closed:
            raise ConsumerStoppedError("the consumer was stopped: make a new one")
        if self._started or self._link is not None:
            raise IllegalStateError("start() was called before")
        check_loop(self._loop_argument, "AIOKafkaConsumer")
        self._link = await open_link(self._address)
        try:
            self._build(self._link)
            await self._metadata.refresh()
            self._background.spawn(self._fetcher.run(), name="fetch")
            self._started = True
            if self._group_id is not None:
                await self._start_member()
            else:
                await self._solo.assign()
                self._background.spawn(self._solo.run(), name="metadata")
        except BaseException:
            await self._tear_down()
            raise

    async def stop(self, commit: bool = True) -> None:
        """Commit what is done (if automatic commits are on), leave the group, let go of the log.

        The record in hand is committed too, unless an exception is being handled: then it is what failed.
        ``commit=False`` commits nothing. Who waits for records gets ``ConsumerStoppedError`` from ``getone``,
        nothing from ``getmany``, and the end of an ``async for``.
        """
        await self._stop(commit=commit, has_failed=sys.exc_info()[0] is not None)

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions, whoever else does. Cannot be mixed with ``subscribe``."""
        self._subscription.assign_by_hand(partitions, self._start_at())

    def assignment(self) -> set[TopicPartition]:
        """The partitions assigned now, by hand or by the group."""
        return self._subscription.partitions()

    def subscribe(self, topics: Iterable[str] = (), pattern: str | None = None, listener: Any = None) -> None:
        """Read ``topics``, or all that ``pattern`` matches (from the start of their names)."""
        self._subscription.subscribe(topics, pattern, listener)
        self._reassign_soon()

    def subscription(self) -> frozenset[str]:
        """The topics subscribed to, those that a pattern matched included."""
        return self._subscription.topics

    def unsubscribe(self) -> None:
        """Read nothing; leaves the group."""
        self._subscription.clear()

    async def commit(
        self, offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]] | None = None
    ) -> None:
        """Commit ``offsets``, or the positions of all assigned partitions (the record in hand included).

        Raises ``CommitFailedError`` where the group has moved on, ``IllegalOperation`` without a group.
        """
        member = self._group_member()
        if offsets is None:
            states = self._subscription.states()
            if not states:
                raise IllegalStateError("no partitions are assigned: there is nothing to commit")
            wanted = {
                s.topic_partition: OffsetAndMetadata(s.position) for s in states if s.position is not None
            }
        else:
            wanted = check_offsets(offsets)
            for partition in wanted:
                self._subscription.state(partition)
        if wanted:
            await member.commit(wanted)

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

    async def topics(self) -> set[str]:
        """The topics there are."""
        self._require_started()
        return (await self._metadata.refresh()).topics(self._exclude_internal_topics)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions of ``topic``, as of the last metadata; None where it is unknown."""
        self._require_started()
        return self._metadata.cluster.partitions_for_topic(topic)

    def pause(self, *partitions: TopicPartition) -> None:
        """Hand out and fetch nothing of ``partitions`` until ``resume``; they stay assigned."""
        self._set_paused(partitions, paused=True)

    def resume(self, *partitions: TopicPartition) -> None:
        """Go on with paused ``partitions``."""
        self._set_paused(partitions, paused=False)

    def paused(self) -> set[TopicPartition]:
        """The paused partitions."""
        return {state.topic_partition for state in self._subscription.states() if state.paused}

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
        try:
            return await reader.one(())
        except ConsumerStoppedError:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> AIOKafkaConsumer:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._stop(commit=True, has_failed=exc is not None)

    async def _next(self) -> ConsumerRecord[Any, Any]:
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise ConsumerStoppedError("the consumer was stopped") from None

    def _build(self, link: Link) -> None:
        if getattr(link, "checks_reads", False):
            # One comparison per read tells all damage; a link to this process hands over what the log compared.
            self._subscription.skip_crcs()
        self._requests = Requests(link, self._request_timeout_ms, self._retry_backoff_ms)
        self._metadata = MetadataCache(self._requests, self._metadata_max_age_ms)
        self._fetcher = Fetcher(self._requests, self._metadata, self._subscription, self._fetch_settings)
        self._reader = RecordReader(
            link.clock, self._subscription, self._fetcher, self._builder, on_poll=self._polled
        )
        self._background = Supervisor(
            f"consumer of group {self._group_id!r}", on_failure=self._reader.note_failure
        )
        self._solo = SoloAssignment(
            self._requests,
            self._metadata,
            self._subscription,
            max_age_ms=self._metadata_max_age_ms,
            exclude_internal_topics=self._exclude_internal_topics,
            reset_to=self._start_at(),
        )
        if self._group_id is not None:
            self._member = GroupMember(
                self._requests,
                self._metadata,
                self._subscription,
                self._assignors,
                self._group_settings,
                is_polling=self._reader.is_polling,
                on_error=self._reader.note_error,
            )

    async def _start_member(self) -> None:
        member = self._group_member()
        self._background.spawn(member.run(), name="membership")
        self._background.spawn(member.beat(), name="heartbeat")
        if self._group_settings.enable_auto_commit:
            self._background.spawn(member.commit_regularly(), name="commit")
        if self._subscription.is_automatic:
            member.join_soon()
            patience_ms = self._group_settings.rebalance_timeout_ms + self._request_timeout_ms
            try:
                await member.wait_assigned(patience_ms)
            except TimeoutError as late:
                raise KafkaTimeoutError(str(late)) from late
            self._reader.raise_errors()

    def _polled(self) -> None:
        if self._member is not None:
            self._member.note_poll()

    def _reassign_soon(self) -> None:
        """``subscribe`` after ``start``: a group member notices by itself, a consumer alone is told."""
        if self._started and self._group_id is None:
            self._solo.assign_soon()

    def _start_at(self) -> str:
        # 'none' is no place to begin at: without a commit, reading has to fail.
        is_policy_enough = self._group_id is None and self._auto_offset_reset != "none"
        return self._auto_offset_reset if is_policy_enough else COMMITTED

    async def _stop(self, *, commit: bool, has_failed: bool) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._started:
            return
        self._reader.close()
        if not has_failed:
            self._reader.finish_in_hand()
        try:
            if self._member is not None and commit and self._group_settings.enable_auto_commit:
                await self._member.commit_finished()
        finally:
            await self._tear_down()

    async def _tear_down(self) -> None:
        self._closed = True
        try:
            if self._started:
                await self._background.close()
                if self._member is not None:
                    await self._member.leave()
        finally:
            link, self._link = self._link, None
            if link is not None and link is not self._address:
                await link.close()

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

    def _most(self, max_records: int | None) -> int | None:
        if max_records is None:
            return self._max_poll_records
        if not isinstance(max_records, int) or max_records < 1:
            raise IllegalOffsetError(
                f"max_records={max_records!r}: must be a whole number, 1 or more, or None"
            )
        return max_records

    def _group_member(self) -> GroupMember:
        if self._group_id is None:
            raise IllegalOperation("this consumer has no group_id: give it one to commit offsets")
        self._require_started()
        assert self._member is not None
        return self._member

    def _require_started(self) -> None:
        if self._closed:
            raise ConsumerStoppedError("the consumer was stopped")
        if not self._started:
            raise IllegalStateError("the consumer was not started: await consumer.start(), or use async with")
