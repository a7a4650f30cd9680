"""``TaskStores``: the stores of one task, from opening through restores and commits to closing.

Owns: which backend they have, where they lie, their changelogs, discarding what is damaged.
Must not know: processors, input, producers.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.state import rocksdb
from streamz_core.state.cache import CachedStore
from streamz_core.state.changelog import topic_name
from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.memory import MemoryStore
from streamz_core.state.restore import restore
from streamz_core.state.rocksdb import RocksDatabase
from streamz_core.state.sessions import SessionStore
from streamz_core.state.staged import StagedStore
from streamz_core.state.store import StoreCorrupt
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.topology import StoreKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.restore import ChangelogReader, RestoreProgress
    from streamz_core.state.rocksdb import MemoryBudget
    from streamz_core.state.store import Change, Store
    from streamz_core.streams.topology import StoreSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StateSettings:
    """Where and how the stores of an app are kept. ``directory`` None means in memory."""

    app_id: str
    directory: str | None
    budget: MemoryBudget | None
    """RocksDB's part of the memory; None without a directory."""
    cache_budget: CacheBudget
    """The part of decoded entries."""


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
        self._key_value: dict[str, CachedStore] = {}
        self._windowed: dict[str, WindowedStore] = {}
        self._sessions: dict[str, SessionStore] = {}
        self._joins: dict[str, JoinBuffer] = {}
        self._staged: dict[str, StagedStore] = {}

    @property
    def _path(self) -> str | None:
        directory = self._settings.directory
        return None if directory is None else f"{directory}/{self._settings.app_id}/{self._task_id}"

    async def open(
        self,
        reader: ChangelogReader,
        identities: Mapping[str, str],
        on_progress: Callable[[RestoreProgress], None],
    ) -> None:
        """Open every store and bring it up to date; ``identities`` names each store's changelog.

        Damaged stores are discarded, loudly, and rebuilt from their changelogs.
        """
        if not self._specs:
            return
        try:
            await self._open(reader, identities, on_progress)
        except StoreCorrupt as damage:
            self.discard_files(damage)
            await self._open(reader, identities, on_progress)

    def store(self, name: str) -> CachedStore:
        """A key-value store."""
        try:
            return self._key_value[name]
        except KeyError:
            raise self._unknown(name, StoreKind.KEY_VALUE) from None

    def window_store(self, name: str) -> WindowedStore:
        """A window store."""
        try:
            return self._windowed[name]
        except KeyError:
            raise self._unknown(name, StoreKind.WINDOW) from None

    def any_store(self, name: str) -> Any:
        """A store of any kind."""
        if name in self._sessions:
            return self._sessions[name]
        if name in self._joins:
            return self._joins[name]
        return self._windowed[name] if name in self._windowed else self.store(name)

    @property
    def stream_time_ms(self) -> int:
        """The highest stream time that the window stores know of; -1 without any."""
        times = (
            store.stream_time_ms for name, store in self._windowed.items() if not self._specs[name].own_time
        )
        return max(times, default=-1)

    @property
    def late_count(self) -> int:
        """Records counted late by all window and session stores."""
        return sum(store.late_count for store in self._timed)

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
        for timed in self._timed:
            timed.drop_expired(stream_time_ms)
        for join in self._joins.values():
            join.drop_expired()
        return [
            StoreChanges(
                store.name,
                self._changelog(store.name),
                self._staged[store.name].with_staged(store.collect()),
            )
            for store in self._caches
        ]

    def committed(self, ends: Mapping[str, int]) -> None:
        """The collected changes are committed; ``ends`` has the changelog's end for stores that changed."""
        for store in self._caches:
            store.committed(ends.get(store.name, store.position()))

    def flush_soon(self) -> None:
        """Have what is committed written to disk in the background."""
        if self._database is not None:
            self._database.flush(wait=False)

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
        self._key_value = {}
        self._windowed = {}
        self._sessions = {}
        self._joins = {}
        database, self._database = self._database, None
        backends, self._backends = self._backends, {}
        if database is None:
            for backend in backends.values():
                backend.close()
            return
        try:
            if flush:
                database.flush()
        finally:
            database.close()

    def discard_files(self, damage: StoreCorrupt) -> None:
        """Close everything and delete the task's files: the changelogs rebuild them."""
        _log.error("task %s: %s; discarding its state and restoring it", self._task_id, damage)
        self.close(flush=False)
        if self._path is not None:
            rocksdb.discard(self._path)

    @property
    def _timed(self) -> list[WindowedStore | SessionStore]:
        return [*self._windowed.values(), *self._sessions.values()]

    @property
    def _caches(self) -> list[CachedStore | WindowedStore | SessionStore | JoinBuffer]:
        return [*self._key_value.values(), *self._timed, *self._joins.values()]

    @property
    def _accounted(self) -> list[CachedStore | WindowedStore | SessionStore]:
        """Those that share the memory budget."""
        return [*self._key_value.values(), *self._timed]

    async def _open(
        self,
        reader: ChangelogReader,
        identities: Mapping[str, str],
        on_progress: Callable[[RestoreProgress], None],
    ) -> None:
        self._backends = self._open_backends(identities)
        for name, backend in self._backends.items():
            changelog = self._changelog(name)
            if changelog is not None:
                await restore(backend, changelog, reader, on_progress)
        for name, spec in self._specs.items():
            self._open_cache(spec, self._backends[name])

    def _open_backends(self, identities: Mapping[str, str]) -> dict[str, Store]:
        if self._path is None:
            return {name: MemoryStore(name) for name in self._specs}
        budget = self._settings.budget
        assert budget is not None, "stores on disk need a memory budget"
        self._database = RocksDatabase(
            self._path, {name: identities.get(name, "") for name in self._specs}, budget
        )
        return {name: self._database.store(name) for name in self._specs}

    def _open_cache(self, spec: StoreSpec, backend: Store) -> None:
        staged = self._staged[spec.name] = StagedStore(backend)
        budget = self._settings.cache_budget
        if spec.kind is StoreKind.KEY_VALUE:
            self._key_value[spec.name] = CachedStore(staged, spec.key_codec, spec.value_codec, budget=budget)
            return
        if spec.kind is StoreKind.SESSION:
            self._sessions[spec.name] = SessionStore(
                staged, spec.key_codec, spec.value_codec, retention_ms=spec.retention_ms, budget=budget
            )
            return
        if spec.kind is StoreKind.JOIN:
            self._joins[spec.name] = _join_buffer(spec, staged)
            return
        if spec.window_size_ms is None:
            raise Misuse(f"window store {spec.name!r} has no window_size_ms")
        self._windowed[spec.name] = WindowedStore(
            staged,
            spec.key_codec,
            spec.value_codec,
            size_ms=spec.window_size_ms,
            grace_ms=spec.grace_ms,
            retention_ms=spec.retention_ms,
            own_time=spec.own_time,
            end=spec.window_end,
            budget=budget,
        )

    def _changelog(self, name: str) -> TopicPartition | None:
        if not self._specs[name].changelog:
            return None
        return TopicPartition(topic_name(self._settings.app_id, name), self._partition)

    def _unknown(self, name: str, kind: StoreKind) -> Misuse:
        known = ", ".join(sorted(name for name, spec in self._specs.items() if spec.kind is kind)) or "none"
        return Misuse(
            f"task {self._task_id} has no open {kind.value} store {name!r} (it has: {known}); "
            "declare the store with the processor that uses it"
        )


def _join_buffer(spec: StoreSpec, backend: Store) -> JoinBuffer:
    if spec.retention_ms is None or spec.other_value_codec is None:
        raise Misuse(f"join store {spec.name!r} has no retention_ms, or no codec of the right side's values")
    return JoinBuffer(
        backend,
        spec.key_codec,
        spec.value_codec,
        spec.other_value_codec,
        retention_ms=spec.retention_ms,
    )
