"""``TaskStores``: the stores of one task, from opening through restores and commits to closing.

Owns: which backend they have, where they lie, their changelogs, discarding what is damaged.
Must not know: processors, input, producers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.state import rocksdb
from streamz_core.state.cache import CachedStore
from streamz_core.state.changelog import topic_name
from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.memory import MemoryStore
from streamz_core.state.restore import RestoreSource, restore
from streamz_core.state.rocksdb import RocksDatabase
from streamz_core.state.sessions import SessionStore
from streamz_core.state.staged import StagedStore
from streamz_core.state.store import StoreCorrupt
from streamz_core.state.versioned import VersionedStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.runtime.store_kinds import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.restore import ChangelogReader, RestoreProgress
    from streamz_core.state.rocksdb import MemoryBudget
    from streamz_core.state.store import Change, OpenStore, Store
    from streamz_core.streams.runtime.source_changelog import SourceChangelog
    from streamz_core.streams.topology import StoreSpec

_log = logging.getLogger(__name__)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class StateSettings:
    """Where and how the stores of an app are kept. ``directory`` None means in memory."""

    app_id: str
    directory: str | None
    budget: MemoryBudget | None
    """RocksDB's part of the memory; None without a directory."""
    cache_budget: CacheBudget
    """The part of decoded entries."""
    latest_ms: Callable[[], int] = lambda: 2**63
    """The latest record time that is believed."""
    configure: Callable[[str, Any], None] | None = None
    """May change the options a store is opened with in RocksDB."""


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """What one store changed since the last commit, for its changelog partition (if it has one)."""

    store: str
    changelog: TopicPartition | None
    changes: Sequence[Change]


class TaskStores:
    """All stores of a task, with their caches. Nothing here waits, except ``open``."""

    def __init__(
        self, task_id: str, partition: int, specs: Sequence[StoreSpec], settings: StateSettings
    ) -> None:
        """Describe the stores; ``open`` makes them usable."""
        self._task_id = task_id
        self._partition = partition
        self._specs = {spec.name: spec for spec in specs}
        self._settings = settings
        self._database: RocksDatabase | None = None
        self._backends: dict[str, Store] = {}
        self._opened: dict[str, Any] = {}
        self._staged: dict[str, StagedStore] = {}
        self._sources: Mapping[str, SourceChangelog] = {}
        self._committed: Mapping[TopicPartition, int] = {}
        self.restoring: dict[str, RestoreProgress] = {}
        """By store: how far its restore is, while it goes on."""

    @property
    def _path(self) -> str | None:
        directory = self._settings.directory
        return None if directory is None else f"{directory}/{self._settings.app_id}/{self._task_id}"

    async def open(
        self,
        reader: ChangelogReader,
        identities: Mapping[str, str],
        on_progress: Callable[[RestoreProgress], None],
        sources: Mapping[str, SourceChangelog] | None = None,
        committed: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        """Open every store and bring it up to date; ``identities`` names each store's changelog.

        ``sources`` has the stores whose changelog is the topic they are made from: they are brought up to
        that topic's ``committed`` input offset. Damaged stores are discarded, loudly, and rebuilt.
        """
        if not self._specs:
            return
        self._sources = sources or {}
        self._committed = committed or {}
        try:
            await self._open(reader, identities, on_progress)
        except StoreCorrupt as damage:
            self.discard_files(damage)
            await self._open(reader, identities, on_progress)

    def open_copies(self, identities: Mapping[str, str], sources: Mapping[str, SourceChangelog]) -> None:
        """Open the files only, to keep them up to date by ``catch_up`` for whoever opens them after ``close``."""
        self._sources = sources
        self._backends = self._open_backends(identities)

    async def catch_up(
        self,
        reader: ChangelogReader,
        on_progress: Callable[[RestoreProgress], None],
        committed: Mapping[TopicPartition, int],
    ) -> None:
        """Bring the stores on disk up to the ends that their changelogs have now."""
        self._committed = committed
        for name, backend in self._backends.items():
            if self._is_on_disk(name):
                await self._restore(name, backend, reader, on_progress)

    def store(self, name: str) -> CachedStore:
        """A key-value store."""
        return self._of_kind(name, CachedStore)

    def window_store(self, name: str) -> WindowedStore:
        """A window store."""
        return self._of_kind(name, WindowedStore)

    def any_store(self, name: str) -> Any:
        """A store of any kind."""
        return self._of_kind(name, object)

    def backend(self, name: str) -> Store:
        """The committed bytes of a store. Raises ``Misuse`` where it is not open."""
        self._of_kind(name, object)
        return self._backends[name]

    def open_backend(self, name: str) -> Store | None:
        """The bytes of a store as they are, up to date or not; None where its files are not open."""
        return self._backends.get(name)

    def spec(self, name: str) -> StoreSpec | None:
        """What was declared of a store."""
        return self._specs.get(name)

    @property
    def stream_time_ms(self) -> int:
        """The highest stream time that the window stores know of; -1 without any."""
        times = (store.stream_time_ms for store in self._windowed if not self._specs[store.name].own_time)
        return max(times, default=-1)

    @property
    def late_count(self) -> int:
        """Records counted late by all stores."""
        return sum(getattr(store, "late_count", 0) for store in self._opened.values())

    @property
    def unsaved_records(self) -> int:
        """Keys changed since the last savepoint, or the last commit."""
        return sum(store.dirty_records for store in self._caches)

    @property
    def dirty_records(self) -> int:
        """Changed keys that wait for a commit."""
        return self.unsaved_records + sum(staged.staged_records for staged in self._staged.values())

    def need_commit(self) -> bool:
        """Whether the memory budget is exceeded, and what waits for a commit here is a good part of it."""
        accounted, budget = self._accounted, self._settings.cache_budget
        for store in accounted:
            store.settle()
        if not budget.is_over:
            return False
        budget.make_room()
        return budget.commit_helps(sum(store.account.dirty_bytes for store in accounted))

    def savepoint(self) -> None:
        """From now on ``go_back`` comes back to here; costs an encoding of what changed since the last one."""
        for store in self._caches:
            if store.dirty_records:
                store.collect()
                self._staged[store.name].stage()
                store.committed(store.position())

    def go_back(self) -> None:
        """Forget what changed since the last savepoint or commit."""
        for store in self._caches:
            store.discard()

    def collect(self, stream_time_ms: int) -> list[StoreChanges]:
        """What changed since the last commit; windows past their retention go with it."""
        for store in self._opened.values():
            if isinstance(store, (JoinBuffer, ExpiringStore, VersionedStore)):
                store.drop_expired()
            elif isinstance(store, (WindowedStore, SessionStore)):
                store.drop_expired(stream_time_ms)
        return [
            StoreChanges(
                store.name,
                self._changelog(store.name),
                self._staged[store.name].with_staged(store.collect()),
            )
            for store in self._caches
        ]

    def committed(self, ends: Mapping[str, int], inputs: Mapping[TopicPartition, int] | None = None) -> None:
        """The collected changes are committed; ``ends`` has the changelog's end for stores that changed.

        ``inputs`` are the committed input offsets: what stores stand at that are restored from their source.
        """
        for store in self._caches:
            source = self._sources.get(store.name)
            if source is None or inputs is None:
                position = ends.get(store.name, store.position())
            else:
                position = inputs.get(TopicPartition(source.topic, self._partition), store.position())
            store.committed(position)

    def flush_soon(self) -> None:
        """Have what is committed written to disk in the background."""
        if self._database is not None:
            self._database.flush(wait=False)

    def copy_to(self, directory: str) -> str | None:
        """Copy what is committed and on disk below ``directory``; the path, or None where nothing is on disk."""
        if self._database is None:
            return None
        path = f"{directory}/{self._settings.app_id}/{self._task_id}"
        self._database.copy_to(path)
        return path

    def discard(self) -> None:
        """Forget everything uncommitted."""
        for staged in self._staged.values():
            staged.unstage()
        self.go_back()

    def close(self, *, flush: bool) -> None:
        """Release the files, with everything committed on disk if ``flush``."""
        for store in self._accounted:
            store.account.close()
        self._staged = {}
        self._opened = {}
        database, self._database = self._database, None
        backends, self._backends = self._backends, {}
        try:
            if flush and database is not None:
                database.flush()
        finally:
            for backend in backends.values():
                backend.close()
            if database is not None:
                database.close()

    def discard_files(self, damage: StoreCorrupt) -> None:
        """Close everything and delete the task's files: the changelogs rebuild them."""
        _log.error("task %s: %s; discarding its state and restoring it", self._task_id, damage)
        self.close(flush=False)
        if self._path is not None:
            rocksdb.discard(self._path)

    @property
    def _caches(self) -> Iterable[OpenStore]:
        return self._opened.values()

    @property
    def _windowed(self) -> list[WindowedStore]:
        return [store for store in self._opened.values() if isinstance(store, WindowedStore)]

    @property
    def _accounted(self) -> list[Any]:
        """The caches that share the memory budget."""
        return [store for store in self._opened.values() if hasattr(store, "account")]

    async def _open(
        self,
        reader: ChangelogReader,
        identities: Mapping[str, str],
        on_progress: Callable[[RestoreProgress], None],
    ) -> None:
        self._backends = self._open_backends(identities)
        for name, backend in self._backends.items():
            await self._restore(name, backend, reader, on_progress)
        settings = self._settings
        for name, spec in self._specs.items():
            staged = self._staged[name] = StagedStore(self._backends[name])
            self._opened[name] = open_store(spec, staged, settings.cache_budget, settings.latest_ms)

    async def _restore(
        self,
        name: str,
        backend: Store,
        reader: ChangelogReader,
        on_progress: Callable[[RestoreProgress], None],
    ) -> None:
        source = self._restored_from(name)
        if source is None:
            return

        def note(progress: RestoreProgress) -> None:
            self.restoring[name] = progress
            on_progress(progress)

        try:
            await restore(backend, source, reader, note)
        finally:
            self.restoring.pop(name, None)

    def _open_backends(self, identities: Mapping[str, str]) -> dict[str, Store]:
        on_disk = [name for name in self._specs if self._is_on_disk(name)]
        backends: dict[str, Store] = {name: MemoryStore(name) for name in self._specs if name not in on_disk}
        if on_disk and self._path is not None:
            budget = self._settings.budget
            assert budget is not None, "stores on disk need a memory budget"
            self._database = RocksDatabase(
                self._path,
                {name: identities.get(name, "") for name in on_disk},
                budget,
                self._settings.configure,
            )
            backends.update((name, self._database.store(name)) for name in on_disk)
        return backends

    def _is_on_disk(self, name: str) -> bool:
        return self._path is not None and not self._specs[name].in_memory

    def _changelog(self, name: str) -> TopicPartition | None:
        """Where what a store changes is written to."""
        if not self._specs[name].changelog or name in self._sources:
            return None
        return TopicPartition(topic_name(self._settings.app_id, name), self._partition)

    def _restored_from(self, name: str) -> RestoreSource | None:
        source = self._sources.get(name)
        if source is not None:
            return source.restored_from(self._partition, self._committed)
        changelog = self._changelog(name)
        return None if changelog is None else RestoreSource(changelog)

    def _of_kind(self, name: str, kind: type[S]) -> S:
        store = self._opened.get(name)
        if store is not None and isinstance(store, kind):
            return store
        known = ", ".join(sorted(name for name, store in self._opened.items() if isinstance(store, kind)))
        what = "store" if kind is object else kind.__name__
        raise Misuse(
            f"task {self._task_id} has no open {what} {name!r} (it has: {known or 'none'}); "
            "declare the store with the processor that uses it"
        )
