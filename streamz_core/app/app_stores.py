"""``AppStores``: the stores of an app, seen from outside of its tasks.

Owns: reading them, telling of restores, copying them, putting copies back.
Must not know: what keeps them, who writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from streamz_core.app.app_declarations import AppDeclarations
from streamz_core.app.errors import ImproperlyConfigured, NotReady
from streamz_core.app.state_directory import state_directory
from streamz_core.state import rocksdb
from streamz_core.streams.runtime.store_parts import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from streamz_core.app.running import RunningApp
    from streamz_core.app.services import Runnable
    from streamz_core.app.settings import Settings
    from streamz_core.state.restore import RestoreProgress
    from streamz_core.streams.runtime.members import KeyQueryMetadata, StreamsMetadata
    from streamz_core.streams.runtime.queries import StoreView


class AppStores(AppDeclarations):
    """A part of ``App``."""

    def __init__(self, id: str, conf: Settings) -> None:  # noqa: A002 - Faust's name
        """Nobody listens yet."""
        super().__init__(id, conf)
        self.restore_listeners: Final[list[Callable[[RestoreProgress], None]]] = []
        self._running: RunningApp | None = None

    @property
    def running(self) -> RunningApp:
        """The app's running self; raises ``NotReady``."""
        if self._running is None:
            raise NotReady(
                f"app {self.id!r} is not running: `async with app:`, `await app.start()` or `app.main()` "
                f"come first"
            )
        return self._running

    def store(self, name: str, *, timestamps: bool = False, stale: bool = False) -> StoreView:
        """A store or table of the running app by name, to read from anywhere: timers, web handlers, tests.

        What is committed is seen, over all partitions of this process. Values of the DSL's tables come without
        their times, unless ``timestamps``: then as pairs. Raises ``StoreUnavailable`` (retriable) while a
        partition is restored or moved, ``Misuse`` for a store there is not. With ``stale`` what is restored so far,
        and what standbys have, is read too (Kafka's ``enableStaleStores``).

        >>> app.store("counts").get("/home")   # doctest: +SKIP
        17
        """
        runtime = self.running.runtime
        if runtime is None and self.running.is_starting:
            raise StoreUnavailable(f"store {name!r}: app {self.id!r} is starting")
        if runtime is None:
            raise ImproperlyConfigured(f"app {self.id!r} reads no topics: it has no store {name!r}")
        return runtime.store(name, timestamps=timestamps, stale=stale)

    async def query_metadata_for_key(self, store: str, key: Any) -> KeyQueryMetadata:
        """Which process of the app has a key of a store: Kafka Streams' ``queryMetadataForKey``.

        By Kafka's partitioner; with one of your own for the topic, ask every process. ``is_here``: ``app.store`` of
        this one has it. Otherwise ``active`` is the ``application_server`` of the one to ask. Raises
        ``StoreUnavailable`` (retriable) while tasks change hands, ``Misuse`` for a store there is not, or a global one.
        """
        runtime = self.running.runtime
        if runtime is None:
            raise ImproperlyConfigured(f"app {self.id!r} reads no topics: it has no store {store!r}")
        return await runtime.query_metadata_for_key(store, key)

    async def streams_metadata_for_store(self, store: str) -> list[StreamsMetadata]:
        """Which processes of the app have which partitions of a store: Kafka Streams' ``streamsMetadataForStore``.

        For asking all of them. Raises as ``query_metadata_for_key``.
        """
        runtime = self.running.runtime
        if runtime is None:
            raise ImproperlyConfigured(f"app {self.id!r} reads no topics: it has no store {store!r}")
        return await runtime.streams_metadata_for_store(store)

    def on_restore(self, listener: Callable[[RestoreProgress], None]) -> Callable[[RestoreProgress], None]:
        """Call ``listener(progress)`` whenever the restore of a store starts, goes on, ends or is suspended.

        ``progress.phase`` says which; offsets are those of the changelog. Kafka's ``StateRestoreListener``.
        May be used as a decorator; must not wait.
        """
        self.restore_listeners.append(listener)
        return listener

    def backup_state(self, directory: str) -> list[str]:
        """Copy the stores on disk, as last committed, into ``directory``; returns the paths that were made.

        Each is a task's stores at one moment, in the layout of the state directory; ``restore_state`` puts them back.
        Stores in memory, and such whose tasks are restoring, are left out. Raises
        ``ImproperlyConfigured`` where there is a copy already.
        """
        runtime, target = self.running.runtime, f"{directory}/{self.group_id}"
        if rocksdb.databases(target):
            raise ImproperlyConfigured(
                f"app {self.id!r} has a copy of its stores in {target!r} already: name another directory"
            )
        return [] if runtime is None else runtime.backup_state(directory)

    def restore_state(self, directory: str) -> list[str]:
        """Put what ``backup_state`` has copied into the state directory of this app, which must not run.

        Returns the paths that were made. When the app starts, what the copies lack comes from the changelogs. Raises
        ``ImproperlyConfigured`` where there is state already (``clean_up`` removes it), or nothing to put back.
        """
        target = f"{self._state_at_rest('restored')}/{self.group_id}"
        source = f"{directory}/{self.group_id}"
        tasks = rocksdb.databases(source)
        if not tasks:
            raise ImproperlyConfigured(f"app {self.id!r}: there is no copy of its stores in {directory!r}")
        if there := rocksdb.databases(target):
            raise ImproperlyConfigured(
                f"app {self.id!r} has stores in {target!r} already ({', '.join(there)}): app.clean_up() removes them"
            )
        for task in tasks:
            rocksdb.copy(f"{source}/{task}", f"{target}/{task}")
        return [f"{target}/{task}" for task in tasks]

    def clean_up(self) -> None:
        """Remove this app's stores from its state directory, while it does not run. Kafka Streams' ``cleanUp``.

        They are found again from the changelogs when the app starts; such without a changelog begin empty.
        """
        rocksdb.discard(f"{self._state_at_rest('removed')}/{self.group_id}")

    def _state_at_rest(self, what: str) -> str:
        if self._running is not None:
            raise ImproperlyConfigured(
                f"app {self.id!r} is running: its stores cannot be {what}; stop it first"
            )
        directory = state_directory(cast("Runnable", self))
        if directory is None:
            raise ImproperlyConfigured(f"app {self.id!r} keeps its stores in memory")
        return directory
