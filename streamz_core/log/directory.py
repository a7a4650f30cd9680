"""A data directory: one owner, a catalog of topics, and their partitions' logs.

Owns: opening and closing the whole, the lock, making and deleting topics, and the settings that are kept in
the catalog.
Must not know: who asks (the broker), event loops, time (it is told).

Nothing is written to a directory before it is known to be empty or ours.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import msgspec

from streamz_core.log import catalog, layout
from streamz_core.log.access import Access
from streamz_core.log.catalog import Catalog, Format, TopicEntry
from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import (
    DamagedDirectory,
    DirectoryDenied,
    ForeignDirectory,
    InvalidPartitions,
    StorageFailure,
    UnknownTopic,
)
from streamz_core.log.files import Files, Lock
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.partition_directories import PartitionDirectories
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_log import PartitionLog
from streamz_core.log.topic_names import check_topic_name

PARTITIONS_MAX: Final = 10_000
"""Of one topic."""
_OWN_NAMES: Final = frozenset(
    {
        layout.FORMAT_FILE,
        layout.CATALOG_FILE,
        layout.LOCK_FILE,
        layout.RESERVE_FILE,
        layout.LOG_DIRECTORY,
        layout.STATE_DIRECTORY,
        layout.FORMAT_FILE + layout.TEMPORARY_SUFFIX,
        layout.CATALOG_FILE + layout.TEMPORARY_SUFFIX,
    }
)


class NewTopic(NamedTuple):
    """A topic to be made; ``configs`` under Kafka's names."""

    name: str
    partitions: int
    configs: Mapping[str, str] = {}
    topic_id: UUID | None = None


class LogDirectory:
    """An open data directory. Made by ``open``; ends with ``close``."""

    def __init__(self, files: Files, path: str, lock: Lock, described: Format, listed: Catalog) -> None:
        self.path = path
        self.cluster_id = described.cluster_id
        self.unknown: list[str] = []
        """Partition directories that hold records and are in no catalog; left alone."""
        self._files = files
        self._open_files = OpenFiles(files)
        self._lock: Lock | None = lock
        self._catalog = listed
        self._places = PartitionDirectories(self._open_files, path)
        self._topics = {entry.name: entry for entry in listed.topics}
        self._names = {entry.topic_id: entry.name for entry in listed.topics}
        self._topic_defaults: dict[str, str] = {}
        self._logs: dict[tuple[str, int], PartitionLog] = {}
        self._opened_ms = 0
        self._is_catalog_unsure = False  # whether a failed write may have replaced the file all the same

    @classmethod
    def open(cls, files: Files, path: str, now_ms: int, *, cluster_id: str | None = None) -> LogDirectory:
        """Open the data directory at ``path``, making it if there is none, and recover every partition.

        ``cluster_id`` is used for a new directory. A damaged partition does not raise: see its ``failure``.
        Raises ``ForeignDirectory``, ``NewerFormat``, ``DamagedDirectory`` (nothing was written),
        ``DirectoryOwned`` (the owner's pid is in it), ``DirectoryDenied``, ``StorageFailure``.
        """
        path = path.rstrip("/") or "/"
        with _named(path, "opening"):
            _refuse_foreign(files, path)
            make_directory(files, path)
            lock = files.lock(f"{path}/{layout.LOCK_FILE}")
            try:
                described = _load_durably(files, path) or _found(files, path, cluster_id)
                listed = catalog.load_catalog(files, path)
                listed = msgspec.structs.replace(listed, owner_epoch=listed.owner_epoch + 1)
                catalog.store_catalog(files, path, listed)
                directory = cls(files, path, lock, described, listed)
                directory._opened_ms = now_ms
                directory._open_partitions(now_ms)
            except BaseException:
                lock.release()
                raise
        return directory

    @property
    def owner_epoch(self) -> int:
        """How often this directory was opened; higher than that of any owner before."""
        return self._catalog.owner_epoch

    @property
    def files(self) -> Files:
        """The file system it is on."""
        return self._files

    @property
    def catalog(self) -> Catalog:
        """The catalog as it stands on the disk."""
        return self._catalog

    @property
    def topics(self) -> Mapping[str, TopicEntry]:
        """The topics by name."""
        return self._topics

    def name_of(self, topic_id: UUID) -> str | None:
        """What the topic with this id is called; None if there is none."""
        return self._names.get(topic_id)

    def partition(self, topic: str, index: int) -> PartitionLog:
        """The log of one partition; ``KeyError`` if there is none.

        One that the operating system kept from being opened, or compacted to the end, is opened again.
        """
        log = self._logs[topic, index]
        if isinstance(log.failure, StorageFailure) and not log.failure.poisoned:
            entry = self._topics[topic]
            log.abandon()
            log = PartitionLog.open(self._place(entry, index), self.config_of(entry.configs), self._opened_ms)
            self._logs[topic, index] = log
        return log

    def partitions(self) -> Iterable[PartitionLog]:
        """Every partition's log."""
        return self._logs.values()

    def note_owner(self, text: str) -> None:
        """Leave a line for processes that find the directory owned, such as this one's address."""
        assert self._lock is not None
        self._lock.note(text)

    def free_bytes(self) -> int:
        """Space left on the disk."""
        return self._files.free_bytes(self.path)

    # -- topics ---------------------------------------------------------------------------------------

    def create_topic(
        self,
        name: str,
        partitions: int,
        configs: Mapping[str, str] | None = None,
        topic_id: UUID | None = None,
    ) -> TopicEntry:
        """Make a topic; it is durable when this returns, and after a crash there or not, never half.

        Raises ``InvalidTopic``, ``TopicExists``, ``InvalidPartitions``, ``InvalidConfig``,
        ``StorageFailure``.
        """
        (entry,) = self.create_topics([NewTopic(name, partitions, configs or {}, topic_id)])
        return entry

    def create_topics(self, wanted: Sequence[NewTopic]) -> list[TopicEntry]:
        """Make all of these topics or none, with a few syncs together; otherwise as ``create_topic``."""
        entries: dict[str, TopicEntry] = {}
        for one in wanted:
            self.check_new_topic(one.name, one.partitions, one.configs)
            check_topic_name(one.name, entries)
            entries[one.name] = TopicEntry(
                name=one.name,
                topic_id=one.topic_id or uuid4(),
                partitions=one.partitions,
                configs=dict(one.configs),
            )
        made = list(entries.values())
        self._make_partitions([(entry, range(entry.partitions)) for entry in made])
        return made

    def check_new_topic(self, name: str, partitions: int, configs: Mapping[str, str]) -> None:
        """Raise what ``create_topic`` would, and make nothing."""
        check_topic_name(name, self._topics)
        if not 1 <= partitions <= PARTITIONS_MAX:
            raise InvalidPartitions(
                f"topic {name!r}: {partitions} partitions; allowed: 1 to {PARTITIONS_MAX}"
            )
        self.config_of(configs)

    def add_partitions(self, name: str, total: int) -> TopicEntry:
        """Let a topic have ``total`` partitions. Raises ``UnknownTopic``, ``InvalidPartitions``."""
        entry = self._entry(name)
        if not entry.partitions < total <= PARTITIONS_MAX:
            raise InvalidPartitions(
                f"topic {name!r} has {entry.partitions} partitions, not {total}: "
                f"allowed: {entry.partitions + 1} to {PARTITIONS_MAX}"
            )
        grown = msgspec.structs.replace(entry, partitions=total)
        self._make_partitions([(grown, range(entry.partitions, total))])
        return grown

    def set_configs(self, name: str, configs: Mapping[str, str]) -> TopicEntry:
        """Replace a topic's settings by these. Raises ``UnknownTopic``, ``InvalidConfig``."""
        entry = msgspec.structs.replace(self._entry(name), configs=dict(configs))
        config = self.config_of(configs)
        self._store({**self._topics, name: entry})
        for index in range(entry.partitions):
            self._logs[name, index].update_config(config)
        return entry

    def config_of(self, configs: Mapping[str, str]) -> TopicConfig:
        """The settings of a topic that was given ``configs`` itself. Raises ``InvalidConfig``."""
        return TopicConfig.parse({**self._topic_defaults, **configs})

    @property
    def topic_defaults(self) -> Mapping[str, str]:
        """What topics have that set nothing themselves, where it is not Kafka's default."""
        return self._topic_defaults

    def use_topic_defaults(self, defaults: Mapping[str, str]) -> None:
        """Let all topics have these settings where they set none themselves. Raises ``InvalidConfig``.

        Not kept: whoever opens the directory says it again.
        """
        if dict(defaults) == self._topic_defaults:
            return
        configs = {
            name: TopicConfig.parse({**defaults, **entry.configs}) for name, entry in self._topics.items()
        }
        self._topic_defaults = dict(defaults)
        for (name, _), log in self._logs.items():
            log.update_config(configs[name])

    def set_broker_configs(self, own: Mapping[str, str], of_all: Mapping[str, str]) -> None:
        """Keep the broker's settings that were changed while it ran. Raises ``StorageFailure``."""
        listed = msgspec.structs.replace(
            self._catalog, broker_configs=dict(own), cluster_configs=dict(of_all)
        )
        self._store_catalog(listed)

    def set_access(self, access: Access) -> None:
        """Keep who may do what. Raises ``StorageFailure``, and then the one or the other may be kept."""
        self._store_catalog(msgspec.structs.replace(self._catalog, access=access))

    def delete_topic(self, name: str) -> None:
        """Remove a topic and its records. Raises ``UnknownTopic``, ``StorageFailure``."""
        entry = self._entry(name)
        remaining = {other: one for other, one in self._topics.items() if other != name}
        self._store(remaining, deleting=[*self._catalog.deleting, entry.topic_id])
        logs = [self._logs.pop((name, index)) for index in range(entry.partitions)]
        with _named(self.path, "deleting a topic"):
            for index, log in enumerate(logs):
                log.abandon()
                self._places.remove(layout.partition_directory_name(name, index))
            # One whose deletion failed before stays listed: the next opening finishes it.
            self._finish_deleting([one for one in self._catalog.deleting if one != entry.topic_id])

    def close(self) -> None:
        """Sync every partition, leave checkpoints, give the directory back. Closing twice does nothing.

        Raises ``StorageFailure`` after all were tried, if one could not be synced.
        """
        if self._lock is None:
            return
        failure: StorageFailure | None = None
        for log in self._logs.values():
            try:
                log.close()
            except StorageFailure as error:
                failure = failure or error
        self.abandon()
        if failure is not None:
            raise failure

    def abandon(self) -> None:
        """Let go of everything without a sync, as a crash would."""
        if self._lock is not None:
            self._open_files.close()
            self._lock.release()
            self._lock = None

    # -- how ------------------------------------------------------------------------------------------

    def _entry(self, name: str) -> TopicEntry:
        try:
            return self._topics[name]
        except KeyError:
            raise UnknownTopic(f"there is no topic {name!r}") from None

    def _store(self, topics: dict[str, TopicEntry], deleting: list[UUID] | None = None) -> None:
        listed = msgspec.structs.replace(
            self._catalog,
            topics=list(topics.values()),
            deleting=self._catalog.deleting if deleting is None else deleting,
        )
        self._store_catalog(listed)
        self._topics = topics
        self._names = {entry.topic_id: entry.name for entry in listed.topics}

    def _store_catalog(self, listed: Catalog) -> None:
        self._is_catalog_unsure = True
        with _named(self.path, "writing the catalog"):
            catalog.store_catalog(self._files, self.path, listed)
        self._is_catalog_unsure = False
        self._catalog = listed

    def _place(self, entry: TopicEntry, index: int) -> PartitionDirectory:
        return self._places.place(entry.name, index, entry.topic_id)

    def _make_partitions(self, wanted: Sequence[tuple[TopicEntry, range]]) -> None:
        """Make the directories first and the catalog entries last: that is what makes them exist."""
        if self._is_catalog_unsure:
            self._store(dict(self._topics))
        places = [(entry, self._place(entry, index)) for entry, indexes in wanted for index in indexes]
        names = ", ".join(repr(entry.name) for entry, _ in wanted[:5])
        with _named(self.path, f"making topic {names}"):
            points = self._places.make([place for _, place in places], self._catalog.deleting)
        # Where this fails the directories stay: the catalog may name them after the next start.
        self._store({**self._topics, **{entry.name: entry for entry, _ in wanted}})
        configs = {entry.name: self.config_of(entry.configs) for entry, _ in wanted}
        for (entry, place), point in zip(places, points, strict=True):
            self._logs[entry.name, place.partition] = PartitionLog.made(place, configs[entry.name], point)

    def _open_partitions(self, now_ms: int) -> None:
        expected = set()
        for entry in self._topics.values():
            config = self.config_of(entry.configs)
            for index in range(entry.partitions):
                place = self._place(entry, index)
                expected.add(place.name)
                self._logs[entry.name, index] = PartitionLog.open(place, config, now_ms)
        self._clear_leftovers(expected)

    def _clear_leftovers(self, expected: set[str]) -> None:
        """Finish what a crash interrupted: making a topic (no records yet) or deleting one."""
        for name in self._places.names():
            if name in expected:
                continue
            if self._places.is_leftover(name, self._catalog.deleting):
                self._places.remove(name)
            else:
                self.unknown.append(f"{self._places.path}/{name}")
        if self._catalog.deleting:
            self._finish_deleting([])

    def _finish_deleting(self, left: list[UUID]) -> None:
        self._places.sync()
        self._store(dict(self._topics), deleting=left)


def make_directory(files: Files, path: str) -> None:
    """Make a directory and its parents, each one's name durable."""
    if files.exists(path):
        return
    parent = path.rpartition("/")[0] or ("/" if path.startswith("/") else "")
    if parent:
        make_directory(files, parent)
    files.mkdir(path)
    files.sync_dir(parent)


def _found(files: Files, path: str, cluster_id: str | None) -> Format:
    """Make a new data directory; the format file comes last and says that all is there."""
    make_directory(files, f"{path}/{layout.LOG_DIRECTORY}")
    _sync_names(files, f"{path}/{layout.LOG_DIRECTORY}")
    catalog.store_catalog(files, path, Catalog())
    return catalog.store_format(files, path, cluster_id or _new_cluster_id())


def _load_durably(files: Files, path: str) -> Format | None:
    """The format file, whose name is certain from here on: a killed predecessor may not have synced it."""
    described = catalog.load_format(files, path)
    if described is not None:
        files.sync_dir(path)
    return described


def _sync_names(files: Files, path: str) -> None:
    """Make the names on the way to ``path`` durable: one that is there may be left by a killed process."""
    while (parent := path.rpartition("/")[0]) != path:
        # A directory that may not be read was not made by this user, so not by a killed predecessor.
        with contextlib.suppress(PermissionError):
            files.sync_dir(parent or ("/" if path.startswith("/") else ""))
        path = parent


def _new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")


def _refuse_foreign(files: Files, path: str) -> None:
    """Raise unless the directory is missing, empty or ours; reads only."""
    if not files.exists(path):
        return
    try:
        names = files.listdir(path)
    except NotADirectoryError:
        raise ForeignDirectory(f"{path} is a file, not a directory; name a directory") from None
    if layout.BACKUP_FILE in names:
        raise ForeignDirectory(
            f"{path} is a backup, not a data directory: make one out of it with "
            f"'streamz restore {path} <new directory>'"
        )
    if layout.FORMAT_FILE in names:
        catalog.load_format(files, path)
        return
    foreign = [name for name in names if name not in _OWN_NAMES]
    if foreign:
        raise ForeignDirectory(
            f"{path} is not a streamz data directory: it holds {', '.join(foreign[:5])}; name a new one"
        )
    if _was_in_use(files, path, names):
        raise DamagedDirectory(f"{path}/{layout.FORMAT_FILE} is missing; restore it from a backup")


def _was_in_use(files: Files, path: str, names: list[str]) -> bool:
    """Whether there is more than making a directory leaves behind when it is interrupted."""
    if layout.LOG_DIRECTORY in names and files.listdir(f"{path}/{layout.LOG_DIRECTORY}"):
        return True
    return layout.CATALOG_FILE in names and catalog.load_catalog(files, path) != Catalog()


@contextlib.contextmanager
def _named(path: str, action: str) -> Iterator[None]:
    """Turn the operating system's errors into ours."""
    try:
        yield
    except PermissionError as error:
        raise DirectoryDenied(
            f"no permission for {error.filename or path}; give this user read and write access to {path}"
        ) from error
    except OSError as error:
        raise StorageFailure(path, action, error.filename or path, error) from error
