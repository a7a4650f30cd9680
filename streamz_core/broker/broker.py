"""The broker: a typed request in, a typed response out, over one data directory.

Owns: the data directory while it is open, the event loop it is bound to, its life from ``open`` to
``close``, and the services its coordinators and handlers use.
Must not know: who asks, over what link, or how requests are encoded.

The path of a request: ``handle`` finds the handler of its type (``registry``), the handler asks the
log (``directory``), group commit (``flusher``), long polls (``waits``) and the coordinators.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from streamz_core.aio.deadline import deadline
from streamz_core.aio.signal import Signal
from streamz_core.aio.supervisor import Supervisor
from streamz_core.broker.append import capped
from streamz_core.broker.broker_settings import in_force, usable
from streamz_core.broker.config import BrokerConfig
from streamz_core.broker.disk_space import FULL, DiskSpace
from streamz_core.broker.fetch_sessions import FetchSessions
from streamz_core.broker.flusher import Flusher
from streamz_core.broker.groups.coordinator import GroupCoordinator
from streamz_core.broker.groups.forgetting import forget_regularly, forget_topic
from streamz_core.broker.groups.recovery import forget_gone_topics
from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.maintenance import Maintenance
from streamz_core.broker.producer_ids import ProducerIds
from streamz_core.broker.quotas.quotas import Quotas
from streamz_core.broker.registry import HANDLERS
from streamz_core.broker.scrubbing import Scrubbing
from streamz_core.broker.security.security import Security
from streamz_core.broker.topic_rules import is_internal
from streamz_core.broker.transactions.coordinator import TransactionCoordinator
from streamz_core.broker.waiting import Waits
from streamz_core.errors import Fatal, Misuse
from streamz_core.log import reserve
from streamz_core.log.directory import LogDirectory
from streamz_core.log.errors import StorageFailure
from streamz_core.log.layout import SOCKET_FILE
from streamz_core.model import Durability, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from streamz_core.broker.services import DeletionListener, MarkerListener, NewRecords
    from streamz_core.clock import Clock
    from streamz_core.log.catalog import TopicEntry
    from streamz_core.log.files import Files
    from streamz_core.log.partition_log import Appended, PartitionLog
    from streamz_core.protocol.messages.request import Request

R = TypeVar("R")

_log = logging.getLogger(__name__)


class BrokerState(Enum):
    """Where a broker is in its life."""

    OPEN = "open"
    FAILED = "failed"
    """Background work died of a fault of the program: nothing is served any more."""
    CLOSING = "closing"
    CLOSED = "closed"


class BrokerClosed(Misuse):
    """A request was made of a broker that is closing or closed."""


class BrokerFailed(Fatal):
    """The broker's background work failed; its cause is the exception's cause."""


class Broker:
    """One data directory, served.

    Bound to the event loop it was opened on; use from another raises ``Misuse``. Implements
    ``broker.handler.HandlerBroker``.

        broker = await Broker.open(DiskFiles(), "/data", SystemClock())
        metadata = await broker.handle(MetadataRequest())
        await broker.close()
    """

    def __init__(
        self, directory: LogDirectory, path: str, clock: Clock, config: BrokerConfig, *, blocks: bool
    ) -> None:
        """Use ``open``."""
        self.path = path
        self.clock = clock
        self.static_config = config
        self.config = config
        self.directory = directory
        self.cluster_id = directory.cluster_id
        self.marker_listeners: list[MarkerListener] = []
        self.deletion_listeners: list[DeletionListener] = []
        self._state = Signal(BrokerState.OPEN)
        self._loop = asyncio.get_running_loop()
        self._blocks = blocks
        self._in_hand = Signal(0)
        self._background = Supervisor(f"broker {path!r}", on_failure=self._background_failed)
        self._producer_ids = ProducerIds(directory.owner_epoch)
        self.waits = Waits()
        self.fetch_sessions = FetchSessions(config.fetch_session_slots)
        self.turns = itertools.count()
        self.flusher = Flusher(blocks=blocks, threads=config.sync_threads, on_durable=self.waits.notify)
        self.security = Security(directory)
        self.quotas = Quotas(directory)
        self.groups = GroupCoordinator(self)
        self.transactions = TransactionCoordinator(self)
        listed = directory.catalog
        self._listener: dict[str, Any] = {}
        """Where this broker can be reached over the network, as fields of its config."""
        self.space = DiskSpace(directory.files, directory.path, lambda: self.config.min_free_bytes)
        self._use_configs(usable(config, {**listed.cluster_configs, **listed.broker_configs}))

    @classmethod
    async def open(
        cls,
        files: Files,
        path: str,
        clock: Clock,
        config: BrokerConfig = BrokerConfig(),  # noqa: B008
    ) -> Broker:
        """Open (and where there is none, create) the data directory ``path`` and recover it.

        Raises what ``LogDirectory.open`` raises: ``ForeignDirectory``, ``NewerFormat``,
        ``DirectoryOwned`` naming the owner's pid, ``StorageFailure``.
        """
        # Recovery reads and syncs: on real files it must not hold up the caller's loop.
        directory = await _open_directory(files, path, clock.now_ms())
        broker = cls(directory, path, clock, config, blocks=files.blocks)
        try:
            await broker.groups.load()
            await broker.transactions.load()
            forget_gone_topics(broker.groups)
            broker.deletion_listeners.append(partial(forget_topic, broker.groups))
        except BaseException:
            await broker.abandon()
            raise
        maintenance = Maintenance(broker)
        broker.spawn(maintenance.flush_forever(), name="flush")
        broker.spawn(maintenance.retain_forever(), name="retention")
        broker.spawn(maintenance.compact_forever(), name="compaction")
        broker.spawn(forget_regularly(broker.groups), name="offset retention")
        if config.scrub_bytes_per_second > 0:
            broker.spawn(Scrubbing(broker, config.scrub_bytes_per_second).run_forever(), name="scrub")
        return broker

    @property
    def state(self) -> BrokerState:
        """Where the broker is in its life."""
        return self._state.value

    @property
    def socket_path(self) -> str | None:
        """Where other processes of this user may be listened to; None for a log in memory."""
        return f"{self.path}/{SOCKET_FILE}" if self._blocks else None

    async def wait_failed(self) -> BaseException:
        """The reason why the broker cannot go on, once there is one; for as long as it is open."""
        return await self._background.wait_failed()

    async def handle(self, request: Request[R]) -> R:
        """Answer ``request``; what is wrong with the request itself is a code in the response.

        Raises ``Misuse`` when the broker is not open, belongs to another event loop, or does not know
        the request, ``BrokerFailed`` when its background work has failed.
        """
        if self._state.value is not BrokerState.OPEN:
            self._refuse()
        self._check_loop()
        handler = HANDLERS.get(type(request))
        if handler is None:
            raise Misuse(f"the broker has no handler for {type(request).__name__}")
        self._in_hand.set(self._in_hand.value + 1)
        try:
            answer: R = await handler(self, request)
        finally:
            self._in_hand.set(self._in_hand.value - 1)
        return answer

    async def close(self) -> None:
        """Finish what is in hand, make everything durable, leave the directory clean; again only waits.

        Long polls and group joins are answered at once; other requests get ``close_timeout_ms``. Raises
        ``StorageFailure`` if something could not be made durable; the directory is given back all the same.
        """
        self._check_loop()
        if self.state in {BrokerState.CLOSING, BrokerState.CLOSED}:
            await self._state.wait(BrokerState.CLOSED)
            return
        self._state.set(BrokerState.CLOSING)
        self.waits.end()
        try:
            await self.groups.close()
            await self.transactions.close()
            await self._finish_requests()
            await self._background.close()
            await self.flusher.drain()
        finally:
            self.flusher.close()
            try:
                await self._close_directory()
            finally:
                self._state.set(BrokerState.CLOSED)

    async def abandon(self) -> None:
        """Stop at once and sync nothing, as a crash would; only the directory's lock is given up."""
        if self.state is BrokerState.CLOSED:
            return
        self._state.set(BrokerState.CLOSED)
        self.waits.end()
        self.groups.stop()
        self.transactions.stop()
        await self._background.close()
        self.flusher.close()
        self.directory.abandon()

    def log(self, topic: str, partition: int) -> PartitionLog | None:
        """The log of a partition, None where there is no such topic or partition."""
        try:
            return self.directory.partition(topic, partition)
        except KeyError:
            return None

    def write(
        self, log: PartitionLog, records: NewRecords, *, level: Durability = Durability.SYNC
    ) -> Appended:
        """Append now and wait for nothing; see ``BrokerServices.write``."""
        level = capped(level, self.config.durability)
        try:
            appended = log.append(records, level=level, now_ms=self.clock.now_ms())
        except StorageFailure as failure:
            if not is_internal(log.topic) or not self.space.may_try_again(failure):
                raise
            appended = log.append(records, level=level, now_ms=self.clock.now_ms())
        self._written(log)
        return appended

    async def append(
        self, log: PartitionLog, records: NewRecords, *, level: Durability = Durability.SYNC
    ) -> Appended:
        """Append and wait for what ``level`` promises; see ``BrokerServices.append``."""
        appended = self.write(log, records, level=level)
        if level is Durability.SYNC:
            await self.durable(log, appended.last_offset + 1)
        return appended

    async def append_marker(
        self, log: PartitionLog, producer_id: int, producer_epoch: int, *, committed: bool
    ) -> Appended:
        """Append a transaction marker and wait until it is durable; see ``BrokerServices.append_marker``."""
        level = capped(Durability.SYNC, self.config.durability)
        appended = log.append_marker(
            producer_id, producer_epoch, committed, level=level, now_ms=self.clock.now_ms()
        )
        self._written(log)
        await self.durable(log, appended.last_offset + 1)
        partition = TopicPartition(log.topic, log.partition)
        for listener in self.marker_listeners:
            listener(partition, producer_id, producer_epoch, committed)
        return appended

    async def durable(self, log: PartitionLog, offset: int) -> None:
        """Wait until ``log`` is durable below ``offset``; see ``BrokerServices.durable``."""
        if self.config.durability is Durability.SYNC:
            await self.flusher.durable(log, offset)

    async def durable_all(self, logs: Iterable[PartitionLog]) -> None:
        """Wait until all that is in ``logs`` is durable; see ``BrokerServices.durable_all``."""
        if self.config.durability is Durability.SYNC:
            present = (log for log in logs if self.log(log.topic, log.partition) is log)
            await self.flusher.durable_all((log, log.log_end_offset) for log in present)

    def notify(self, log: PartitionLog) -> None:
        """Wake the fetches that wait on ``log``."""
        self.waits.notify(log)

    def change_configs(self, own: Mapping[str, str], of_all: Mapping[str, str]) -> None:
        """Let these settings hold, also after the broker is opened again; see ``BrokerServices``."""
        before = self.config
        self._use_configs({**of_all, **own})
        try:
            self.directory.set_broker_configs(own, of_all)
        except DIRECTORY_FAILURES:
            self.config = before
            self.directory.use_topic_defaults(before.topic_configs)
            raise

    def _use_configs(self, changes: Mapping[str, str]) -> None:
        config = replace(in_force(self.static_config, changes), **self._listener)
        self.directory.use_topic_defaults(config.topic_configs)
        self.config = config

    def advertise(self, host: str, port: int, *, is_local: bool = False) -> None:
        """Tell clients, and whoever finds the directory taken, that ``host:port`` answers for this broker.

        An empty ``host``: nothing does any more. ``is_local``: so does the socket in the directory.
        """
        self._listener = {"advertised_host": host, "advertised_port": port} if host else {}
        listed = self.directory.catalog
        self._use_configs({**listed.cluster_configs, **listed.broker_configs})
        spelled = f"[{host}]" if ":" in host else host
        doors = [f"unix:{SOCKET_FILE}"] if is_local else []
        doors += [f"kafka://{spelled}:{port}"] if host else []
        self.directory.note_owner(" ".join(doors))

    def ensure_internal_topic(self, name: str, partitions: int, configs: Mapping[str, str]) -> TopicEntry:
        """The internal topic ``name``, created if need be; see ``BrokerServices.ensure_internal_topic``."""
        entry = self.directory.topics.get(name)
        return entry or self.directory.create_topic(name, partitions, dict(configs))

    def allocate_producer_id(self) -> int:
        """A producer id that nobody ever had or will have in this directory."""
        return self._producer_ids.allocate()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work`` in the background; it is cancelled when the broker closes."""
        return self._background.spawn(work, name=name)

    async def _finish_requests(self) -> None:
        try:
            async with deadline(self.clock, self.config.close_timeout_ms, what="the requests in hand"):
                await self._in_hand.wait(0)
        except TimeoutError as late:
            _log.warning("closing the broker of %r: %s", self.path, late)

    async def _close_directory(self) -> None:
        # It syncs and writes snapshots; nothing else of the broker runs any more, so a thread may do it.
        if self._blocks:
            await asyncio.to_thread(self.directory.close)
        else:
            self.directory.close()

    def _refuse(self) -> NoReturn:
        if self.state is BrokerState.FAILED:
            failure = self._background.failure
            raise BrokerFailed(
                f"the broker of {self.path!r} failed ({failure!r}): close it, open it again, and report this"
            ) from failure
        raise BrokerClosed(f"the broker of {self.path!r} is {self.state.value}: open it again")

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise Misuse(
                f"the broker of {self.path!r} belongs to the event loop that opened it: "
                "call it from there, or close it there and open it on this loop"
            )

    def _written(self, log: PartitionLog) -> None:
        was_clean = self.flusher.mark_unsynced(log)
        if log.log_end_offset - log.durable_offset >= log.config.flush_messages:
            self.flusher.sync(log)
        elif was_clean and log.config.flush_ms < self.config.flush_interval_ms:
            self.clock.call_later(log.config.flush_ms, lambda: self.flusher.sync(log))
        self.waits.notify(log)

    def _background_failed(self, failure: BaseException) -> None:
        _log.critical("background work of the broker of %r failed", self.path, exc_info=failure)
        if self.state is BrokerState.OPEN:
            # Better no broker than one whose groups, syncs or retention nobody looks after.
            self._state.set(BrokerState.FAILED)
            self.waits.end()


def _open_log(files: Files, path: str, now_ms: int) -> LogDirectory:
    try:
        return LogDirectory.open(files, path, now_ms)
    except StorageFailure as failure:
        if failure.errno not in FULL or not reserve.release(files, path.rstrip("/")):
            raise
        return LogDirectory.open(files, path, now_ms)


async def _open_directory(files: Files, path: str, now_ms: int) -> LogDirectory:
    if not files.blocks:
        return LogDirectory.open(files, path, now_ms)
    opening = asyncio.ensure_future(asyncio.to_thread(_open_log, files, path, now_ms))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread goes on; what it opens must not stay locked for nobody.
        opening.add_done_callback(_give_up)
        raise


def _give_up(opening: asyncio.Future[LogDirectory]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().abandon()
