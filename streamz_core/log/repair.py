"""Making a damaged data directory serve again, explicitly.

Owns: going through a directory under its lock, saying what would be done, and, asked to, doing it.
Must not know: how a partition is repaired (``partition_repair``), what is printed.

Opening a directory never deletes or truncates what was durable; this may give it up, and keeps a copy of
every file that it changes or removes under ``<data>/lost+found/<time>/``.

>>> from streamz_core.log.directory import LogDirectory
>>> from streamz_core.log.memory_files import MemoryFiles
>>> files = MemoryFiles()
>>> LogDirectory.open(files, "/data", 0).close()
>>> repair(files, "/data", 0).measures
[]
"""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from streamz_core.log import catalog, layout, partition_metadata
from streamz_core.log.catalog import Catalog, TopicEntry
from streamz_core.log.check import Finding, Severity, check, log_bytes
from streamz_core.log.config import TopicConfig
from streamz_core.log.errors import ForeignDirectory
from streamz_core.log.files import Files
from streamz_core.log.lost_and_found import LostAndFound
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_metadata import PartitionMetadata
from streamz_core.log.partition_repair import Measure, PartitionRepair
from streamz_core.progress import BYTES, UNHEARD, Progress

_ADOPTED_CONFIGS: Final = {"retention.ms": "-1"}
"""Nobody knows any more what the topic was to keep: it keeps everything until somebody says."""


class Repaired(NamedTuple):
    """What was found, what was (or would be) done, and where the copies are."""

    measures: list[Measure]
    kept_path: str
    """Empty where nothing had to be kept."""
    left: list[Finding]
    """What is still not as it should be; empty in a dry run."""


def repair(
    files: Files, path: str, now_ms: int, *, execute: bool = False, progress: Progress = UNHEARD
) -> Repaired:
    """Look at every file of the data directory at ``path``; with ``execute``, repair what can be repaired.

    Raises ``DirectoryOwned`` while somebody has it open, ``ForeignDirectory``, ``NewerFormat``,
    ``DamagedDirectory`` (the format file or the catalog itself: they can only be restored), ``OSError``.
    Killed at any point, it is run again.
    """
    path = path.rstrip("/") or "/"
    if catalog.load_format(files, path) is None:
        raise ForeignDirectory(f"{path} is not a data directory: it has no {layout.FORMAT_FILE}")
    catalog.load_catalog(files, path)
    lock = files.lock(f"{path}/{layout.LOCK_FILE}")
    try:
        run = _Run(files, path, now_ms, progress)
        measures = run.look()
        if not execute or not measures:
            return Repaired(measures, run.kept.path, [])
        run.work()
        found = check(files, path, progress)
        left = [finding for finding in found if finding.severity is not Severity.TORN]
        kept_path = run.kept.path if files.exists(run.kept.path) else ""
        return Repaired(measures, kept_path, left)
    finally:
        lock.release()


class _Run:
    """One repair of one directory, whose lock is held."""

    def __init__(self, files: Files, path: str, now_ms: int, progress: Progress) -> None:
        self._files = files
        self._progress = progress
        self._path = path
        self._root = f"{path}/{layout.LOG_DIRECTORY}"
        self._now_ms = now_ms
        self._catalog = catalog.load_catalog(files, path)
        self._repairs: list[PartitionRepair] = []
        self._missing: list[PartitionDirectory] = []
        self._strays: list[str] = []
        self._adopted: list[TopicEntry] = []
        self.kept = LostAndFound(files, path, now_ms)

    def look(self) -> list[Measure]:
        """Everything to be done."""
        open_files = OpenFiles(self._files)
        self._begin("looking for damage")
        try:
            measures = self._look(open_files)
        finally:
            open_files.close()
        seen = {measure.finding.path for measure in measures}
        for finding in check(self._files, self._path, self._progress):
            if finding.path not in seen:
                measures += _measure_of(finding)
        return measures

    def work(self) -> None:
        """Do it: what is in no catalog first, then each partition."""
        open_files = OpenFiles(self._files)
        try:
            self._adopt()
            self._repairs = []
            self._begin("repairing")
            self._look(open_files)
            for repair_of_one in self._repairs:
                repair_of_one.execute(self.kept)
                repair_of_one.rebuild_caches(self.kept)
        finally:
            open_files.close()

    def _begin(self, what: str) -> None:
        is_heard = self._progress is not UNHEARD
        self._progress.begin(what, BYTES, log_bytes(self._files, self._root) if is_heard else None)

    def _look(self, open_files: OpenFiles) -> list[Measure]:
        present = set(self._files.listdir(self._root)) if self._files.exists(self._root) else set()
        measures: list[Measure] = []
        for entry in self._catalog.topics:
            config = TopicConfig.parse(entry.configs)
            for index in range(entry.partitions):
                name = layout.partition_directory_name(entry.name, index)
                place = PartitionDirectory(
                    open_files, f"{self._root}/{name}", entry.name, index, entry.topic_id
                )
                if name not in present:
                    missing = Finding(Severity.DAMAGE, place.path, "the partition's directory is missing")
                    measures.append(Measure(missing, ""))
                    continue
                present.discard(name)
                planned = PartitionRepair(place, config, self._now_ms, self._progress)
                try:
                    measures += planned.plan()
                except OSError:
                    continue  # what the disk refuses nobody can repair; the verifier names it
                self._repairs.append(planned)
        return measures + self._look_at_strays(present)

    # -- directories in no catalog ------------------------------------------------------------------------

    def _look_at_strays(self, names: set[str]) -> list[Measure]:
        found: dict[UUID, dict[str, PartitionMetadata]] = {}
        for name in names:
            metadata = partition_metadata.load(self._files, f"{self._root}/{name}")
            if metadata is not None and name == f"{metadata.topic}-{metadata.partition}":
                found.setdefault(UUID(bytes=metadata.topic_id), {})[name] = metadata
        self._adopted = [entry for entry in map(self._entry, found.values()) if entry is not None]
        adopted = {f"{one.name}-{index}": one for one in self._adopted for index in range(one.partitions)}
        self._strays = sorted(name for name in names if name not in adopted)
        measures = []
        for name in sorted(names):
            finding = Finding(Severity.LEFTOVER, f"{self._root}/{name}", "in no catalog")
            action = "take its topic into the catalog, keeping everything (retention.ms=-1)"
            measures.append(Measure(finding, action if name in adopted else "set it aside"))
        return measures

    def _entry(self, partitions: dict[str, PartitionMetadata]) -> TopicEntry | None:
        """A topic made of stray directories, if they are all there, hold records, and their name is free."""
        first = next(iter(partitions.values()))
        indexes = sorted(metadata.partition for metadata in partitions.values())
        topic_id = UUID(bytes=first.topic_id)
        known = self._catalog
        is_free = all(first.topic != entry.name and topic_id != entry.topic_id for entry in known.topics)
        if not is_free or topic_id in known.deleting or indexes != list(range(len(indexes))):
            return None
        if len({metadata.topic for metadata in partitions.values()}) > 1:
            return None
        if not any(self._holds_records(name) for name in partitions):
            return None
        return TopicEntry(
            name=first.topic, topic_id=topic_id, partitions=len(indexes), configs=dict(_ADOPTED_CONFIGS)
        )

    def _holds_records(self, name: str) -> bool:
        path = f"{self._root}/{name}"
        logs = [one for one in self._files.listdir(path) if one.endswith(layout.LOG_SUFFIX)]
        return any(self._files.size_of(f"{path}/{one}") for one in logs)

    def _adopt(self) -> None:
        for name in self._strays:
            self.kept.take(f"{self._root}/{name}")
        if self._adopted:
            self.kept.keep(f"{self._path}/{layout.CATALOG_FILE}")
            topics = [*self._catalog.topics, *self._adopted]
            self._catalog = _with_topics(self._catalog, topics)
            catalog.store_catalog(self._files, self._path, self._catalog)


def _with_topics(known: Catalog, topics: list[TopicEntry]) -> Catalog:
    return msgspec.structs.replace(known, topics=topics)


def _measure_of(finding: Finding) -> list[Measure]:
    """What follows from a finding of the verifier that a partition's own repair does not speak of."""
    if finding.severity is Severity.CACHE:
        return [Measure(finding, "find it again out of the log")]
    if "sealed with" in finding.message:
        return [Measure(finding, "its batches are sound and in order: seal it as it stands")]
    return [Measure(finding, "")]
