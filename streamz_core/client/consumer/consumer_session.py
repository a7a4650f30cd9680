"""What every part of a consumer needs.

Owns: the consumer's parameters and its life: what it is made of, starting, stopping.
Must not know: what a program asks of it (``consumer_positions``, ``consumer``).
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Self

from streamz_core.aio.supervisor import Supervisor
from streamz_core.client.consumer.assignors.roundrobin import RoundRobinPartitionAssignor
from streamz_core.client.consumer.fetcher import Fetcher, FetchSettings
from streamz_core.client.consumer.group_member import GroupMember
from streamz_core.client.consumer.group_settings import GroupSettings
from streamz_core.client.consumer.partition_state import COMMITTED
from streamz_core.client.consumer.reader import RecordReader
from streamz_core.client.consumer.records import RecordBuilder
from streamz_core.client.consumer.settings import assignors_of, check_consumer_settings
from streamz_core.client.consumer.solo_assignment import SoloAssignment
from streamz_core.client.consumer.subscription import Subscription
from streamz_core.client.errors import (
    ConsumerStoppedError,
    IllegalOperation,
    IllegalStateError,
    KafkaTimeoutError,
)
from streamz_core.client.link_target import LinkTarget
from streamz_core.client.metadata import MetadataCache
from streamz_core.client.own_loop import check_own_loop
from streamz_core.client.request import Requests
from streamz_core.client.settings import check_connection, check_loop, link_settings
from streamz_core.client.unclosed import warn_unclosed
from streamz_core.protocol.messages.fetch import IsolationLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from streamz_core.client.link import Link


class ConsumerSession:
    """A consumer that can be started and stopped, and no more."""

    creates_topics = True
    """Whether asking for a topic that is not there may make it (Java's ``allow.auto.create.topics``); to be set before
    ``start``."""
    _started = _closed = False  # so that one whose constructor raised is collected like any other

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
        if isinstance(auto_offset_reset, str):
            auto_offset_reset = auto_offset_reset.lower()  # as aiokafka reads it
        check_consumer_settings(
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
            auto_offset_reset=auto_offset_reset,
            enable_auto_commit=enable_auto_commit,
            check_crcs=check_crcs,
            exclude_internal_topics=exclude_internal_topics,
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
        self._target = LinkTarget(
            bootstrap_servers,
            link_settings(
                client_id=client_id,
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
        self._link = await self._target.open()
        self._loop = asyncio.get_running_loop()
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

    def __del__(self) -> None:
        if self._started and not self._closed and not self._target.is_link:
            warn_unclosed(self, "consumer", self._loop)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._stop(commit=True, has_failed=exc is not None)

    def _build(self, link: Link) -> None:
        if getattr(link, "checks_reads", False):
            # One comparison per read tells all damage; a link to this process hands over what the log compared.
            self._subscription.skip_crcs()
        self._requests = Requests(link, self._request_timeout_ms, self._retry_backoff_ms)
        self._metadata = MetadataCache(self._requests, self._metadata_max_age_ms, creates=self.creates_topics)
        self._fetcher = Fetcher(self._requests, self._metadata, self._subscription, self._fetch_settings)
        self._reader = RecordReader(link.clock, self._subscription, self._fetcher, self._builder)
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
            # Nothing that background work holds may lead to the consumer: a forgotten one could not be collected.
            self._reader.on_poll = self._member.note_poll

    async def _start_member(self) -> None:
        member = self._group_member()
        self._background.spawn(member.run(), name="membership")
        self._background.spawn(member.beat(), name="heartbeat")
        if self._group_settings.enable_auto_commit:
            self._background.spawn(member.commits.commit_regularly(), name="commit")
        if self._subscription.is_automatic:
            member.join_soon()
            patience_ms = self._group_settings.rebalance_timeout_ms + self._request_timeout_ms
            try:
                await member.wait_assigned(patience_ms)
            except TimeoutError as late:
                raise KafkaTimeoutError(str(late)) from late
            self._reader.raise_errors()

    def _start_at(self) -> str:
        # 'none' is no place to begin at: without a commit, reading has to fail.
        is_policy_enough = self._group_id is None and self._auto_offset_reset != "none"
        return self._auto_offset_reset if is_policy_enough else COMMITTED

    async def _stop(self, *, commit: bool, has_failed: bool) -> None:
        if self._closed:
            return
        self._check_own_loop()
        self._closed = True
        if not self._started:
            return
        self._reader.close()
        if not has_failed:
            self._reader.finish_in_hand()
        try:
            if self._member is not None and commit and self._group_settings.enable_auto_commit:
                await self._member.commits.commit_finished()
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
            if link is not None:
                await self._target.close(link)

    def _group_member(self) -> GroupMember:
        if self._group_id is None:
            raise IllegalOperation("this consumer has no group_id: give it one to commit offsets")
        self._require_started()
        assert self._member is not None
        return self._member

    def _check_own_loop(self) -> None:
        if self._started and not self._closed:
            check_own_loop(self._loop, self)

    def _require_started(self) -> None:
        if self._closed:
            raise ConsumerStoppedError("the consumer was stopped")
        if not self._started:
            raise IllegalStateError("the consumer was not started: await consumer.start(), or use async with")
        check_own_loop(self._loop, self)
