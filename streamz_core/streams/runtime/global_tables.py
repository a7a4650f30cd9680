"""``GlobalTables``: topics of which every process of the app has a full copy.

Owns: reading them to their end before any task runs, keeping them up to date, and where they lie.
Must not know: tasks, groups, who looks anything up.

A global table has no changelog: its topic is one. Its files stand at an offset of every partition and are gone
on from; where they belong to another process, or there is no directory, the copy is in memory.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.state import rocksdb
from streamz_core.state.global_store import GlobalStore
from streamz_core.state.memory import MemoryStore
from streamz_core.state.restore import RestoreSource, restore
from streamz_core.state.rocksdb import RocksDatabase
from streamz_core.state.store import StoreCorrupt, StoreLocked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.client.consumer.consumer import AIOKafkaConsumer
    from streamz_core.protocol.batch_decoder import Columns
    from streamz_core.state.restore import ChangelogReader, RestoreProgress
    from streamz_core.state.store import Change, Store
    from streamz_core.streams.runtime.stores import StateSettings
    from streamz_core.streams.runtime.topics import FoundTopic
    from streamz_core.streams.topology import GlobalTableSpec

_log = logging.getLogger(__name__)

DIRECTORY: Final = "global"
FETCH_WAIT_MS: Final = 1_000


class GlobalTables:
    """All global tables of one process."""

    def __init__(self, specs: Sequence[GlobalTableSpec], settings: StateSettings) -> None:
        """Describe them; ``open`` makes them readable."""
        self._specs = specs
        self._settings = settings
        self._database: RocksDatabase | None = None
        self._stores: dict[str, GlobalStore] = {}
        self._readers: dict[TopicPartition, list[GlobalStore]] = {}
        self._consumer: AIOKafkaConsumer | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the app has none."""
        return not self._specs

    @property
    def stores(self) -> Mapping[str, GlobalStore]:
        """All of them, by name."""
        return self._stores

    def store(self, name: str) -> GlobalStore:
        """A global table, for every task to read."""
        try:
            return self._stores[name]
        except KeyError:
            known = ", ".join(sorted(self._stores)) or "none"
            raise Misuse(f"there is no global table {name!r} (there are: {known})") from None

    async def open(
        self,
        found: Mapping[str, FoundTopic],
        reader: ChangelogReader,
        consumer: AIOKafkaConsumer,
        on_progress: Callable[[RestoreProgress], None],
    ) -> None:
        """Copy every topic up to the end it has now; ``follow`` goes on from there with ``consumer``."""
        parts = self._open_parts(found)
        positions: dict[TopicPartition, int] = {}
        for spec in self._specs:
            for partition, part in enumerate(parts[spec.name]):
                source = TopicPartition(spec.topic, partition)
                done = await restore(part, RestoreSource(source), reader, on_progress)
                # Two tables of one topic may stand at two offsets; what is applied twice changes nothing.
                positions[source] = min(positions.get(source, done.position), done.position)
            store = self._stores[spec.name] = GlobalStore(
                spec.name,
                spec.key_codec,
                spec.value_codec,
                parts[spec.name],
                budget=self._settings.cache_budget,
            )
            for partition in range(len(parts[spec.name])):
                self._readers.setdefault(TopicPartition(spec.topic, partition), []).append(store)
        self._consumer = consumer
        consumer.assign(list(positions))
        await consumer.start()
        for source, position in positions.items():
            consumer.seek(source, position)

    async def follow(self) -> None:
        """Keep the copies up to date, for ever."""
        assert self._consumer is not None
        while True:
            fetched = await self._consumer.getcolumns(timeout_ms=FETCH_WAIT_MS)
            for partition, columns in fetched.items():
                self._apply(partition, columns)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Let go of files and connections."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
        database, self._database = self._database, None
        if database is not None:
            try:
                database.flush()
            finally:
                database.close()

    def _apply(self, partition: TopicPartition, columns: Columns) -> None:
        if not columns.offsets:
            return
        records = zip(columns.keys, columns.values, strict=True)
        changes: list[Change] = [(key, value) for key, value in records if key is not None]
        for store in self._readers[partition]:
            store.apply(partition.partition, changes, columns.offsets[-1] + 1)

    def _open_parts(self, found: Mapping[str, FoundTopic]) -> dict[str, list[Store]]:
        names = {
            spec.name: [f"{spec.name}-{number}" for number in range(found[spec.topic].partitions)]
            for spec in self._specs
        }
        identities = {name: found[spec.topic].identity for spec in self._specs for name in names[spec.name]}
        database = self._database = self._open_database(identities)
        if database is None:
            return {table: [MemoryStore(name) for name in parts] for table, parts in names.items()}
        return {table: [database.store(name) for name in parts] for table, parts in names.items()}

    def _open_database(self, identities: Mapping[str, str]) -> RocksDatabase | None:
        settings = self._settings
        if settings.directory is None or settings.budget is None:
            return None
        path = f"{settings.directory}/{settings.app_id}/{DIRECTORY}"
        try:
            return RocksDatabase(path, identities, settings.budget)
        except StoreCorrupt as damage:
            _log.error("global tables: %s; discarding the copy and reading the topics again", damage)
            rocksdb.discard(path)
            return RocksDatabase(path, identities, settings.budget)
        except StoreLocked as lock:
            _log.warning("global tables: %s; this process keeps its copy in memory", lock)
            return None
