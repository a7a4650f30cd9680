"""``StreamsRuntime``: runs a topology as a member of a consumer group.

Owns: the group consumer, the one fetch loop, which tasks there are, and the runtime's state. A
partition that is assigned has a running task, or the runtime has failed and says why.
Must not know: agents, tables, what processors do; how a task works inside.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from streamz_core.aio.deadline import sleep
from streamz_core.aio.signal import Signal
from streamz_core.aio.supervisor import Supervisor
from streamz_core.client.consumer.assignors.range import RangePartitionAssignor
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import InconsistentGroupProtocolError, OffsetOutOfRangeError
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.request import Requests
from streamz_core.errors import Misuse, Retriable
from streamz_core.state import rocksdb
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.rocksdb import MemoryBudget
from streamz_core.streams.runtime.assignment import Assignment
from streamz_core.streams.runtime.changelog_reader import LinkChangelogReader
from streamz_core.streams.runtime.committer import AtLeastOnce, Committer, ExactlyOnce
from streamz_core.streams.runtime.failures import TaskInterrupted
from streamz_core.streams.runtime.global_tables import GlobalTables
from streamz_core.streams.runtime.layout import Layout
from streamz_core.streams.runtime.members import KeyQueryMetadata, Members, StreamsMetadata
from streamz_core.streams.runtime.offsets import GroupOffsets
from streamz_core.streams.runtime.queries import StoreView
from streamz_core.streams.runtime.services import TaskServices
from streamz_core.streams.runtime.standbys import Standbys
from streamz_core.streams.runtime.status import RuntimeState, RuntimeStatus, task_status
from streamz_core.streams.runtime.store_parts import (
    OPEN,
    GlobalParts,
    StaleParts,
    StoreUnavailable,
    TaskParts,
)
from streamz_core.streams.runtime.stores import StateSettings
from streamz_core.streams.runtime.subscriptions import Subscriptions
from streamz_core.streams.runtime.task import Task
from streamz_core.streams.runtime.task_assignment import MemberState
from streamz_core.streams.runtime.task_assignor import EndpointRange, TaskAssignor
from streamz_core.streams.runtime.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor
    from streamz_core.client.link import Link
    from streamz_core.state.restore import RestoreProgress
    from streamz_core.state.store import Change
    from streamz_core.streams.processor import ProcessorContext
    from streamz_core.streams.runtime.config import RuntimeConfig
    from streamz_core.streams.runtime.standbys import Standby
    from streamz_core.streams.runtime.stores import StoreChanges
    from streamz_core.streams.topology import SubTopology, Topology

_log = logging.getLogger(__name__)

FETCH_WAIT_MS: Final = 1_000
RETRY_BACKOFF_MS: Final = 100
TOPICS_CHECK_MS: Final = 5_000
"""How long it may take until a source topic that was made, deleted, or has grown, is noticed."""
METADATA_MAX_AGE_MS: Final = 300_000
NO_TOPIC: Final = "(?!)"


class StreamsRuntime:
    """Runs a topology from ``start`` to ``stop``, or until it fails.

    runtime = StreamsRuntime(topology, RuntimeConfig(app_id="views", broker="file://./data"))
    await runtime.start()
    ...
    await runtime.stop()
    """

    def __init__(
        self,
        topology: Topology,
        config: RuntimeConfig,
        broker: str | Link | None = None,
        *,
        on_restore: Callable[[RestoreProgress], None] = lambda _: None,
        on_state: Callable[[RuntimeState], None] = lambda _: None,
    ) -> None:
        """``broker``, an address or a link, stands in for ``config.broker``."""
        self._topology = topology
        self.config: Final = config
        self._address: Any = config.broker if broker is None else broker
        self._on_restore = on_restore
        self._on_state = on_state
        self._state: Signal[RuntimeState] = Signal(RuntimeState.CREATED)
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()
        self._link: Link | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._assignment: Assignment | None = None
        self._globals: GlobalTables | None = None
        self._standbys: Standbys | None = None
        self._background = Supervisor(f"app {config.app_id!r}", on_failure=self._fail)
        self._subscriptions = Subscriptions()
        self._layout: Layout | None = None
        self._members: Members | None = None

    @property
    def state(self) -> RuntimeState:
        """Where the runtime is in its life."""
        return self._state.value

    @property
    def failure(self) -> BaseException | None:
        """Why the runtime failed; ``None`` while it has not."""
        return self._failure

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks of this process, by id: for reading their stores from outside."""
        if self._assignment is None:
            return {}
        return {runner.task_id: runner.task for runner in self._assignment.runners.values()}

    @property
    def global_tables(self) -> Mapping[str, Any]:
        """The global tables of this process, by name."""
        return {} if self._globals is None else self._globals.stores

    async def start(self) -> None:
        """Create what topics the app owns, join the group, restore; returns once all of it works.

        Raises what made that impossible; nothing is left running then.
        """
        if self._state.value is not RuntimeState.CREATED:
            raise Misuse(f"app {self.config.app_id!r}: a runtime is started once; make a new one")
        self._set_state(RuntimeState.STARTING)
        try:
            await self._start()
            await self._state.wait(RuntimeState.RUNNING, RuntimeState.FAILED)
        except BaseException:
            await self._shut_down()
            raise
        if self._failure is not None:
            await self._shut_down()
            raise self._failure

    async def wait_failed(self) -> BaseException:
        """Return the reason once the runtime has failed."""
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    async def stop(self) -> None:
        """Finish records in hand, commit, close stores, leave the group; again does nothing.

        What takes longer than ``shutdown_timeout_ms`` is cancelled: it goes on from its last commit.
        """
        if self._state.value is RuntimeState.STOPPED:
            return
        if self._assignment is not None and self._failure is None:
            await self._assignment.stop_all()
        await self._shut_down()

    def store(self, name: str, *, timestamps: bool = False, stale: bool = False) -> StoreView:
        """A store of the topology, to read what is committed in it. Raises ``Misuse`` for an unknown one.

        ``stale``: from stores that are being restored, and from standbys, as well.
        """
        layout = self._layout
        if layout is None or self._state.value in (RuntimeState.STOPPED, RuntimeState.FAILED):
            raise StoreUnavailable(f"store {name!r}: app {self.config.app_id!r} is not running")
        for part in layout.topology.subtopologies:
            for spec in part.stores:
                if spec.name == name:
                    count = max((layout.counts[topic] for topic in part.topics), default=0)
                    if not count:
                        raise StoreUnavailable(
                            f"store {name!r}: no topic matches yet; ask again once one does"
                        )
                    parts = TaskParts(name, part.name, count, lambda: self.tasks)
                    if stale:
                        parts = StaleParts(name, part.name, count, lambda: self.tasks, self._copies)
                    return StoreView(spec, parts, self._subscriptions, timestamps=timestamps)
        for table in self._topology.global_tables:
            if table.name == name and self._globals is not None:
                whole = GlobalParts(self._globals.parts(name), self._globals.store(name))
                return StoreView(table.store, whole, self._subscriptions, timestamps=timestamps)
        known = ", ".join(self.store_names()) or "none"
        raise Misuse(f"app {self.config.app_id!r} has no store {name!r} (it has: {known})")

    def store_names(self) -> list[str]:
        """All stores and global tables of the topology."""
        return sorted(
            [spec.name for part in self._topology.subtopologies for spec in part.stores]
            + [table.name for table in self._topology.global_tables]
        )

    async def query_metadata_for_key(self, name: str, key: Any) -> KeyQueryMetadata:
        """Which process has a key of a store. Raises as ``store`` does, and ``StoreUnavailable`` in a rebalance."""
        partition = self.store(name).partition_of(key)
        members, part, me = self._where(name)
        return await members.holding(part, partition, me)

    async def streams_metadata_for_store(self, name: str) -> list[StreamsMetadata]:
        """What each process has of a store. Raises as ``query_metadata_for_key``."""
        self.store(name)
        members, part, me = self._where(name)
        return await members.having(part, me)

    def _where(self, store: str) -> tuple[Members, SubTopology, str]:
        """Whom to ask who has a store of which part, and who asks."""
        assert self._layout is not None
        assert self._members is not None
        assert self._consumer is not None
        parts = self._layout.topology.subtopologies
        part = next((part for part in parts if any(one.name == store for one in part.stores)), None)
        if part is None:
            raise Misuse(f"store {store!r} is a global table: every process has all of it")
        return self._members, part, self._consumer.group_metadata().member_id

    def _copies(self) -> Mapping[str, Standby]:
        return {} if self._standbys is None else self._standbys.copies

    def backup_state(self, directory: str) -> list[str]:
        """Copy the committed stores of every task that works; the paths that were made."""
        working = [task for task in self.tasks.values() if task.state.value in OPEN]
        return [path for task in working if (path := task.stores.copy_to(directory)) is not None]

    def status(self) -> RuntimeStatus:
        """What is going on: tasks, positions, lag, errors."""
        runners = () if self._assignment is None else tuple(self._assignment.runners.values())
        return RuntimeStatus(
            app_id=self.config.app_id,
            state=self._state.value,
            tasks=tuple(task_status(runner, self._consumer) for runner in runners),
            last_error=None if self._failure is None else str(self._failure),
            standbys=tuple(self._copies().values()),
        )

    # -- starting and stopping --------------------------------------------------------------------

    async def _start(self) -> None:
        config = self.config
        self._link = await open_link(self._address)
        requests = Requests(self._link, config.request_timeout_ms, RETRY_BACKOFF_MS)
        topics = Topics(requests, config.app_id)
        layout = Layout(self._topology, topics, config.app_id)
        await layout.begin()
        self._layout, self._members = layout, Members(requests, config.app_id)
        offsets = GroupOffsets(requests, config, layout.resets)
        reader = LinkChangelogReader(requests, offsets)
        state = self._state_settings()
        global_tables = self._globals = GlobalTables(
            self._topology.global_tables, state, self._link.clock, self._publish_global
        )
        await self._open_globals(global_tables, topics, reader)
        consumer = self._consumer = self._make_consumer(self._link)
        services = TaskServices(
            clock=self._link.clock,
            consumer=consumer,
            changelog_reader=reader,
            changelog_identities=layout.identities,
            source_changelogs=layout.source_changelogs,
            partition_counts=layout.counts,
            state=state,
            make_committer=self._make_committer,
            committed_positions=offsets.positions,
            count_partitions=topics.count_partitions,
            known_partitions=topics.known_partitions,
            global_store=global_tables.store,
            on_restore=self._on_restore,
            on_changes=self._publish,
            on_task_changed=self._settle,
        )
        standbys = self._standbys = Standbys(self._topology, config, services, self._background.spawn)
        self._assignment = Assignment(
            self._topology,
            config,
            services,
            self._background,
            on_change=self._settle,
            standbys=standbys,
            on_revoked=self.look_for_topics if self._topology.patterns else None,
        )
        if not self._topology.subtopologies:
            # With global tables alone there is nothing to share with others.
            self._set_state(RuntimeState.RUNNING)
            return
        self._subscribe(layout.read)
        await self._join(consumer)
        self._background.spawn(self._fetch_forever(consumer, self._assignment), name="fetch")
        self._background.spawn(self._watch_topics(), name="topics")

    async def _join(self, consumer: AIOKafkaConsumer) -> None:
        try:
            await consumer.start()
        except InconsistentGroupProtocolError as error:
            raise InconsistentGroupProtocolError(
                f"app {self.config.app_id!r}: processes of it run that share tasks out in another way than this one: "
                "one of the versions reads topics by pattern, the other by name. Stop the processes of the other "
                "version first, or give this one another version or id"
            ) from error

    def _state_settings(self) -> StateSettings:
        """Decoded entries have half of the memory and RocksDB the other; without RocksDB they have all of it."""
        config, on_disk = self.config, self.config.state_dir is not None
        memory_bytes = config.memory_budget_bytes // 2 if on_disk else config.memory_budget_bytes
        assert self._link is not None
        clock, ahead_ms = self._link.clock, config.timestamp_ahead_max_ms
        return StateSettings(
            config.app_id,
            config.state_dir,
            MemoryBudget(memory_bytes) if on_disk else None,
            CacheBudget(memory_bytes),
            lambda: clock.now_ms() + ahead_ms,
            config.rocksdb_config_setter,
        )

    async def _open_globals(self, tables: GlobalTables, topics: Topics, reader: LinkChangelogReader) -> None:
        """Every process has its copies before any of its tasks looks something up."""
        if tables.is_empty:
            return
        assert self._link is not None
        found = await topics.find({table.topic for table in self._topology.global_tables})
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._link,
            client_id=f"{self.config.app_id}-global-consumer",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            request_timeout_ms=self.config.request_timeout_ms,
        )
        await tables.open(found, reader, consumer, self._on_restore)
        self._background.spawn(tables.follow(), name="global-tables")

    def _publish_global(self, store: str, partition: int, changes: Sequence[Change]) -> None:
        if changes:
            self._subscriptions.publish(store, partition, changes)

    def _publish(self, task: ProcessorContext, changes: Sequence[StoreChanges]) -> None:
        for change in changes:
            if change.changes:
                self._subscriptions.publish(change.store, task.partition, change.changes)

    async def _shut_down(self) -> None:
        self._subscriptions.close()
        await self._background.close()
        if self._globals is not None:
            await self._globals.close()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
        link, self._link = self._link, None
        if link is not None and link is not self._address:
            await link.close()
        self._set_state(RuntimeState.STOPPED if self._failure is None else RuntimeState.FAILED)

    def _make_consumer(self, link: Link) -> AIOKafkaConsumer:
        config = self.config
        consumer = AIOKafkaConsumer(
            bootstrap_servers=link,
            group_id=config.app_id,
            group_instance_id=config.group_instance_id,
            client_id=f"{config.app_id}-consumer",
            enable_auto_commit=False,
            # Every task seeks its partitions before it lets them be read.
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=self._assignors(),
            session_timeout_ms=config.session_timeout_ms,
            request_timeout_ms=config.request_timeout_ms,
            # The leader of the group notices where topics of patterns have more partitions.
            metadata_max_age_ms=TOPICS_CHECK_MS if self._topology.patterns else METADATA_MAX_AGE_MS,
        )
        # One that was deleted must not come back by being asked for, with some number of partitions.
        consumer.creates_topics = False
        return consumer

    def _assignors(self) -> list[AbstractPartitionAssignor]:
        """Co-partitioned topics must come to the same member."""
        config = self.config
        wanted = 0 if config.state_dir is None else config.num_standby_replicas
        endpoint = config.application_server
        plain = EndpointRange(endpoint) if endpoint else RangePartitionAssignor()
        tasks = TaskAssignor(self._topology, config.app_id, wanted, self._member_state, self._on_standbys)
        if self._topology.patterns:
            # Members find a new topic one after the other: to range alike topics would not go together meanwhile.
            return [tasks]
        # The plain one is for groups some of whose members do not ask for standbys (yet).
        return [tasks, plain] if wanted else [plain]

    def _member_state(self) -> MemberState:
        """What this member has of the app's stores."""
        directory, endpoint = self.config.state_dir, self.config.application_server
        if directory is None:
            return MemberState(endpoint=endpoint)
        return MemberState(
            endpoint=endpoint,
            home=rocksdb.home(directory),
            standing_by={} if self._standbys is None else self._standbys.positions,
            on_disk=rocksdb.databases(f"{directory}/{self.config.app_id}"),
        )

    def _on_standbys(self, task_ids: list[str]) -> None:
        assert self._standbys is not None, "nothing is assigned before the consumer is started"
        self._standbys.want(task_ids)

    def _make_committer(self, task_id: str) -> Committer:
        config = self.config
        name = f"{config.app_id}-{task_id}"
        link = self._link
        assert link is not None

        def make_producer() -> AIOKafkaProducer:
            return AIOKafkaProducer(
                bootstrap_servers=link,
                client_id=name,
                transactional_id=name if config.is_exactly_once else None,
                transaction_timeout_ms=config.transaction_timeout_ms,
                enable_idempotence=True,
                request_timeout_ms=config.request_timeout_ms,
            )

        kind = ExactlyOnce if config.is_exactly_once else AtLeastOnce
        assert self._consumer is not None
        return kind(task_id, make_producer, self._consumer)

    def _fail(self, reason: BaseException) -> None:
        if self._failure is None:
            self._failure = reason
            _log.error("app %s fails: %s", self.config.app_id, reason)
            self._set_state(RuntimeState.FAILED)
            self._failed.set()

    def _set_state(self, state: RuntimeState) -> None:
        if state is not self._state.value:
            self._state.set(state)
            self._on_state(state)

    def _settle(self) -> None:
        """Assignment or a task changed: is everything worked on now?"""
        if self._failure is None and self._assignment is not None:
            self._set_state(RuntimeState.RUNNING if self._assignment.is_settled else RuntimeState.REBALANCING)

    # -- fetching ---------------------------------------------------------------------------------

    async def _fetch_forever(self, consumer: AIOKafkaConsumer, assignment: Assignment) -> None:
        while True:
            try:
                fetched = await consumer.getcolumns(timeout_ms=FETCH_WAIT_MS)
            except OffsetOutOfRangeError as error:
                # Until their tasks begin anew: asked for again at once, they would only fail again.
                for partition in consumer.assignment() & set(error.args[0]):
                    consumer.pause(partition)
                assignment.interrupt(TaskInterrupted(f"a position is no longer in its log: {error}"))
                continue
            # No await until everything is handed over: a task that seeks must not get older data.
            for partition, columns in fetched.items():
                task = assignment.task_of(partition)
                if task is not None and task.add(partition, columns):
                    consumer.pause(partition)
            await asyncio.sleep(0)

    async def _watch_topics(self) -> None:
        """Notice what becomes of the source topics while the app runs."""
        assert self._link is not None
        while True:
            await sleep(self._link.clock, TOPICS_CHECK_MS)
            await self.look_for_topics()

    async def look_for_topics(self) -> None:
        """See at once which topics there are to be read by pattern, where otherwise some seconds may pass.

        Raises ``TaskFailed`` where topics that are read by name are not those that tasks were made for.
        """
        layout = self._layout
        assert layout is not None, "a runtime looks for topics once it is started"
        with suppress(Retriable):
            if await layout.look():
                self._subscribe(layout.read)

    def _subscribe(self, topics: list[str]) -> None:
        """Ask for the tasks of these topics; for none, to be told of nothing, where patterns match nothing yet."""
        assert self._consumer is not None
        if topics:
            self._consumer.subscribe(topics, listener=self._assignment)
        else:
            self._consumer.subscribe(pattern=NO_TOPIC, listener=self._assignment)
