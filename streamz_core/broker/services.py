"""What the broker offers to its coordinators.

Owns: ``BrokerServices``, the part of the broker that ``groups`` and ``transactions`` see; they never
see each other through it.
Must not know: the broker itself, its handlers, its coordinators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from streamz_core.model import Durability

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from streamz_core.broker.config import BrokerConfig
    from streamz_core.clock import Clock
    from streamz_core.log.catalog import TopicEntry
    from streamz_core.log.directory import LogDirectory
    from streamz_core.log.partition_log import Appended, PartitionLog
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.record_batch import EncodedBatches

Records: TypeAlias = bytes | bytearray | memoryview
"""Whole record batches, one after the other."""
NewRecords: TypeAlias = "Records | EncodedBatches"
"""The same, to be appended."""

MarkerListener: TypeAlias = "Callable[[TopicPartition, int, int, bool], None]"
"""Called with the partition, the producer id, its epoch and whether its transaction was committed."""

DeletionListener: TypeAlias = "Callable[[str], None]"
"""Called with the name of a topic that is gone."""


class BrokerServices(Protocol):
    """The broker as its coordinators see it. Everything here runs on the broker's event loop."""

    @property
    def clock(self) -> Clock:
        """The only source of time and timers."""

    @property
    def config(self) -> BrokerConfig:
        """The broker's settings, as they are now."""

    @property
    def static_config(self) -> BrokerConfig:
        """The settings it was opened with."""

    def change_configs(self, own: Mapping[str, str], of_all: Mapping[str, str]) -> None:
        """Let these settings hold in the place of those it was opened with, now and when it is opened again.

        ``own`` are the broker's, ``of_all`` those of all brokers of a cluster, under Kafka's names. Raises
        ``InvalidConfig``, ``StorageFailure``.
        """

    @property
    def directory(self) -> LogDirectory:
        """Topics and partitions on disk."""

    @property
    def cluster_id(self) -> str:
        """The identity of the data directory."""

    @property
    def marker_listeners(self) -> list[MarkerListener]:
        """Whoever must know when a transaction marker is in a partition (and visible)."""

    @property
    def deletion_listeners(self) -> list[DeletionListener]:
        """Whoever keeps something by topic name."""

    def log(self, topic: str, partition: int) -> PartitionLog | None:
        """The log of a partition, None where there is no such topic or partition."""

    def write(
        self, log: PartitionLog, records: NewRecords, *, level: Durability = Durability.SYNC
    ) -> Appended:
        """Append now and wait for nothing: the caller decides when to await ``durable``.

        At ``SYNC`` nobody sees the records before they are durable. Raises what ``PartitionLog.append``
        raises.
        """

    async def append(
        self, log: PartitionLog, records: NewRecords, *, level: Durability = Durability.SYNC
    ) -> Appended:
        """Append and return once the records survive what ``level`` promises, as far as the cap allows.

        Raises what ``PartitionLog.append`` raises, and ``StorageFailure`` if the sync failed.
        """

    async def append_marker(
        self, log: PartitionLog, producer_id: int, producer_epoch: int, *, committed: bool
    ) -> Appended:
        """Append a transaction marker, durable on return; readers and ``marker_listeners`` are told."""

    async def durable(self, log: PartitionLog, offset: int) -> None:
        """Return once everything below ``offset`` is durable; at once where the cap is below ``SYNC``.

        Raises ``StorageFailure`` if it cannot become durable.
        """

    async def durable_all(self, logs: Iterable[PartitionLog]) -> None:
        """Return once everything now in ``logs`` is durable, synced together.

        To be awaited before a decision about their data is written down: a commit decided in
        ``__transaction_state`` must not outlive the records it is about. Deleted partitions are passed
        over. Raises ``StorageFailure``, and ``PartitionDeleted`` for one that goes while it is waited for.
        """

    def notify(self, log: PartitionLog) -> None:
        """Wake the fetches that wait on ``log``; to be called after its visible end may have moved."""

    def ensure_internal_topic(self, name: str, partitions: int, configs: Mapping[str, str]) -> TopicEntry:
        """The internal topic ``name``, created durably if it is not there yet.

        An existing one keeps the partitions and configs it has.
        """

    def allocate_producer_id(self) -> int:
        """A producer id that nobody ever had or will have in this directory."""

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run ``work`` in the background; it is cancelled when the broker closes."""
