"""``GlobalTables``: topics of which every process of the app has a full copy.

Owns: reading them to their end before any task runs, keeping them up to date, and where they lie.
Must not know: tasks, groups, who looks anything up, what processors make of records.

A global table has no changelog: its topic is one. Its files stand at an offset of every partition and are gone
on from; where they belong to another process, or there is no directory, the copy is in memory.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.state import rocksdb
from streamz_core.state.global_store import GlobalStore
from streamz_core.state.memory import MemoryStore
from streamz_core.state.restore import RestorePhase, RestoreProgress, RestoreSource, restore
from streamz_core.state.rocksdb import RocksDatabase
from streamz_core.state.store import StoreCorrupt, StoreLocked
from streamz_core.streams.runtime.global_store_updates import UpdatedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.client.consumer.consumer import AIOKafkaConsumer
    from streamz_core.clock import Clock
    from streamz_core.protocol.batch_decoder import Columns
    from streamz_core.state.restore import ChangelogReader
    from streamz_core.state.store import Change, Store
    from streamz_core.streams.runtime.stores import StateSettings
    from streamz_core.streams.runtime.topics import FoundTopic
    from streamz_core.streams.topology import GlobalTableSpec

_log = logging.getLogger(__name__)

DIRECTORY: Final = "global"
FETCH_WAIT_MS: Final = 1_000


class GlobalTables:
    """All global tables of one process."""

    def __init__(
        self,
        specs: Sequence[GlobalTableSpec],
        settings: StateSettings,
        clock: Clock,
        on_changes: Callable[[str, int, Sequence[Change]], None],
    ) -> None:
        """Describe them; ``open`` makes them readable. ``on_changes(store, part, changes)`` is told what is new."""
        self._specs = specs
        self._settings = settings
        self._clock = clock
        self._on_changes = on_changes
        self._database: RocksDatabase | None = None
        self._parts: dict[str, list[Store]] = {}
        self._copies: dict[TopicPartition, list[GlobalStore]] = {}
        self._updated: dict[str, UpdatedStore] = {}
        self._stores: dict[str, Any] = {}
        self._consumer: AIOKafkaConsumer | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the app has none."""
        return not self._specs

    @property
    def stores(self) -> Mapping[str, Any]:
        """All of them, by name, to read."""
        return self._stores

    def parts(self, name: str) -> list[Store]:
        """The bytes of a global table: a store a partition of its topic, or one for all."""
        return self._parts[name]

    def store(self, name: str) -> Any:
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
        backends = self._open_backends(found)
        positions: dict[TopicPartition, int] = {}
        for spec in self._specs:
            of_spec = backends[spec.name]
            if spec.updates is None:
                begun = await self._copy(spec, of_spec, reader, on_progress)
            else:
                begun = await self._begin(spec, of_spec[0], found[spec.topic].partitions, reader)
            for source, position in begun.items():
                # Two tables of one topic may stand at two offsets; what was applied before is passed over.
                positions[source] = min(positions.get(source, position), position)
        self._consumer = consumer
        consumer.assign(list(positions))
        await consumer.start()
        for source, position in positions.items():
            consumer.seek(source, position)
        for updated in self._updated.values():
            await self._catch_up(updated, positions, reader, on_progress)

    async def _copy(
        self,
        spec: GlobalTableSpec,
        parts: list[Store],
        reader: ChangelogReader,
        on_progress: Callable[[RestoreProgress], None],
    ) -> dict[TopicPartition, int]:
        """Copy a topic as it is; where its partitions are gone on from."""
        sources = [TopicPartition(spec.topic, partition) for partition in range(len(parts))]
        begun: dict[TopicPartition, int] = {}
        for part, source in zip(parts, sources, strict=True):
            begun[source] = (await restore(part, RestoreSource(source), reader, on_progress)).position
        budget = self._settings.cache_budget
        store = GlobalStore(spec.name, spec.key_codec, spec.value_codec, parts, budget=budget)
        self._parts[spec.name], self._stores[spec.name] = parts, store
        for source in sources:
            self._copies.setdefault(source, []).append(store)
        return begun

    async def _begin(
        self, spec: GlobalTableSpec, backend: Store, partitions: int, reader: ChangelogReader
    ) -> dict[TopicPartition, int]:
        """Open a store that a processor fills; where the topic's partitions are gone on from."""
        assert spec.updates is not None
        updated = self._updated[spec.name] = UpdatedStore(spec, spec.updates, backend, self._settings)
        self._parts[spec.name], self._stores[spec.name] = [updated.backend], updated.view
        sources = [TopicPartition(spec.topic, partition) for partition in range(partitions)]
        positions = updated.begin_at([await reader.bounds(source) for source in sources])
        updated.open(self._clock)
        return dict(zip(sources, positions, strict=True))

    async def _catch_up(
        self,
        updated: UpdatedStore,
        begun: Mapping[TopicPartition, int],
        reader: ChangelogReader,
        on_progress: Callable[[RestoreProgress], None],
    ) -> None:
        """Hand the processor what there is by now, and tell how far that is."""
        assert self._consumer is not None
        for source, start in begun.items():
            if source.topic != updated.topic:
                continue
            _, end = await reader.bounds(source)
            progress = RestoreProgress(updated.name, source, start, start, end, 0, RestorePhase.START)
            on_progress(progress)
            records = 0
            while (position := await self._consumer.position(source)) < end:
                on_progress(replace(progress, position=position, records=records, phase=RestorePhase.BATCH))
                records += await self._read_once(source)
            on_progress(replace(progress, position=position, records=records, phase=RestorePhase.END))

    async def follow(self) -> None:
        """Keep the copies up to date, for ever."""
        while True:
            await self._read_once()

    async def _read_once(self, *only: TopicPartition) -> int:
        assert self._consumer is not None
        fetched = await self._consumer.getcolumns(*only, timeout_ms=FETCH_WAIT_MS)
        for source, columns in fetched.items():
            self._apply(source, columns)
        await asyncio.sleep(0)
        return sum(len(columns) for columns in fetched.values())

    async def close(self) -> None:
        """Let go of files and connections."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
        for updated in self._updated.values():
            updated.close()
        database, self._database = self._database, None
        if database is not None:
            try:
                database.flush()
            finally:
                database.close()

    def _apply(self, source: TopicPartition, columns: Columns) -> None:
        if not columns.offsets:
            return
        records = zip(columns.keys, columns.values, strict=True)
        changes: list[Change] = [(key, value) for key, value in records if key is not None]
        for store in self._copies.get(source, ()):
            store.apply(source.partition, changes, columns.offsets[-1] + 1)
            self._on_changes(store.name, source.partition, changes)
        for updated in self._updated.values():
            if updated.topic == source.topic:
                self._on_changes(updated.name, 0, updated.apply(source.partition, columns))

    def _open_backends(self, found: Mapping[str, FoundTopic]) -> dict[str, list[Store]]:
        names = {
            spec.name: [spec.name]
            if spec.updates is not None
            else [f"{spec.name}-{number}" for number in range(found[spec.topic].partitions)]
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
            return RocksDatabase(path, identities, settings.budget, settings.configure)
        except StoreCorrupt as damage:
            _log.error("global tables: %s; discarding the copy and reading the topics again", damage)
            rocksdb.discard(path)
            return RocksDatabase(path, identities, settings.budget, settings.configure)
        except StoreLocked as lock:
            _log.warning("global tables: %s; this process keeps its copy in memory", lock)
            return None
