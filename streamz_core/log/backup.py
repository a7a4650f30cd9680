"""A second data directory, as the first one was at one moment; and a data directory out of that.

Owns: what a backup consists of, that it is whole before it has its name, and what a restore changes: the
owner epoch, by which producer ids are numbered, so that no id given out since is given out again.
Must not know: who appends meanwhile; event loops, time (it is told).

A backup is the state that ``kill -9`` would have left at the moment of ``capture``: every partition whole up to
where it ended, all partitions at the same moment. Sealed segments are hard links where the target is on the
same file system. A restore copies.
"""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from streamz_core.errors import Fatal, Misuse, Retriable
from streamz_core.log import catalog, checksummed, file_copies, layout, partition_metadata
from streamz_core.log.capture import CapturedSegment, PartitionCapture
from streamz_core.log.catalog import Catalog
from streamz_core.log.check import Severity, check, log_bytes
from streamz_core.log.directory import LogDirectory, make_directory
from streamz_core.log.errors import DirectoryOwned, ForeignDirectory
from streamz_core.log.files import Files, Lock
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.recovery_point import RecoveryPointFile
from streamz_core.progress import BYTES, UNHEARD, Progress

OWNER_EPOCHS_SKIPPED: Final = 1 << 16
"""So often may the original be opened after the backup before its producer ids meet those of the restored."""
_PARTIAL_SUFFIX: Final = ".partial"
_OWN_NAMES: Final = frozenset(
    {layout.LOG_DIRECTORY, layout.CATALOG_FILE, layout.FORMAT_FILE, layout.BACKUP_FILE}
)


class TargetNotEmpty(Misuse):
    """A backup or a restore goes to a directory that is not there yet, or empty."""


class BackupRunning(Retriable):
    """One backup of a directory at a time."""


class BackupDamaged(Fatal):
    """What was to be backed up or restored is damaged; nothing has the target's name."""


class BackupSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. Times in milliseconds."""

    cluster_id: str
    owner_epoch: int
    created_ms: int
    partitions: dict[str, int]
    """Partition (``<topic>-<n>``) -> the offset its log ends at."""
    size_bytes: int


class Backup:
    """One backup of an open directory: ``prepare``, ``capture`` on the owner's thread, ``write``, ``discard``.

    ``prepare``, ``write`` and ``discard`` may run in another thread while the owner goes on.
    """

    def __init__(
        self,
        directory: LogDirectory,
        target: str,
        now_ms: int,
        *,
        links: bool = True,
        progress: Progress = UNHEARD,
    ) -> None:
        self._directory = directory
        self._progress = progress
        self._files = directory.files
        self._target = target.rstrip("/")
        self._partial = self._target + _PARTIAL_SUFFIX
        self._staging = f"{directory.path}/{layout.STAGING_DIRECTORY}"
        self._now_ms = now_ms
        self._links = links
        self._catalog: Catalog = directory.catalog
        self._captured: list[PartitionCapture] = []
        self._lock: Lock | None = None

    def prepare(self) -> None:
        """Make room. Raises ``TargetNotEmpty``, ``BackupRunning``, ``OSError``."""
        try:
            self._lock = self._files.lock(f"{self._directory.path}/{layout.BACKUP_LOCK_FILE}")
        except DirectoryOwned:
            path = self._directory.path
            raise BackupRunning(f"{path} is being backed up already; wait for that backup to end") from None
        try:
            _require_empty(self._files, self._target)
            _begin_partial(self._files, self._partial)
            _remove(self._files, self._staging)
            self._files.mkdir(self._staging)
        except BaseException:
            self._lock.release()
            self._lock = None
            raise

    def capture(self) -> None:
        """Hold what is there now, of all partitions at once: a few system calls for each segment.

        Raises why a partition cannot be held: a backup of what is damaged is none.
        """
        self._catalog = self._directory.catalog
        self._captured = [
            log.capture(f"{self._staging}/{log.name}") for log in list(self._directory.partitions())
        ]

    def write(self) -> BackupSummary:
        """Write what was captured, verify it, give it its name. Raises ``BackupDamaged``, ``OSError``."""
        files = self._files
        summary = BackupSummary(
            cluster_id=self._directory.cluster_id,
            owner_epoch=self._catalog.owner_epoch,
            created_ms=self._now_ms,
            partitions={one.directory.name: one.point.next_offset for one in self._captured},
            size_bytes=sum(segment.size_bytes for one in self._captured for segment in one.segments),
        )
        self._progress.begin("copying", BYTES, summary.size_bytes)
        for one in self._captured:
            self._write_partition(one)
        catalog.store_catalog(files, self._partial, msgspec.structs.replace(self._catalog, deleting=[]))
        content = msgspec.json.format(msgspec.json.encode(summary)) + b"\n"
        checksummed.replace(files, f"{self._partial}/{layout.BACKUP_FILE}", content)
        catalog.store_format(files, self._partial, summary.cluster_id)
        _require_sound(files, self._partial, self._progress)
        _finish_partial(files, self._partial, self._target)
        return summary

    def discard(self) -> None:
        """Remove what is not part of a finished backup; to be called in any case, also where nothing was."""
        if self._lock is None:
            return
        try:
            _remove(self._files, self._staging)
            _remove(self._files, self._partial)
        finally:
            self._lock.release()
            self._lock = None

    def _write_partition(self, one: PartitionCapture) -> None:
        files = self._files
        place = one.directory
        path = f"{self._partial}/{layout.LOG_DIRECTORY}/{place.name}"
        files.mkdir(path)
        for segment in one.segments:
            self._write_log(f"{self._staging}/{place.name}", path, segment)
            self._write_caches(place.path, path, segment)
        if one.snapshot:
            name = layout.offset_name(one.point.next_offset, layout.SNAPSHOT_SUFFIX)
            file_copies.write(files, f"{path}/{name}", one.snapshot)
        point_path = f"{path}/{layout.RECOVERY_POINT_FILE}"
        RecoveryPointFile(OpenFiles(files), point_path, place.topic_id, place.partition).create(one.point)
        files.sync_all([point_path], [])
        partition_metadata.store(files, path, one.metadata)

    def _write_log(self, staged: str, path: str, segment: CapturedSegment) -> None:
        name = layout.offset_name(segment.base_offset, layout.LOG_SUFFIX)
        if not segment.seal or not self._links:
            file_copies.copy(
                self._files,
                f"{staged}/{name}",
                f"{path}/{name}",
                segment.size_bytes,
                progress=self._progress,
            )
            return
        if not segment.is_durable:
            file = self._files.open(f"{staged}/{name}")
            try:
                file.datasync()
            finally:
                file.close()
        file_copies.link_or_copy(self._files, f"{staged}/{name}", f"{path}/{name}", progress=self._progress)

    def _write_caches(self, source: str, path: str, segment: CapturedSegment) -> None:
        for suffix in layout.INDEX_SUFFIXES:
            name = layout.offset_name(segment.base_offset, suffix)
            # Caches: one that is gone or another by now is found again when it is needed.
            with contextlib.suppress(FileNotFoundError, EOFError):
                file_copies.copy(self._files, f"{source}/{name}", f"{path}/{name}")
        if segment.seal:
            name = layout.offset_name(segment.base_offset, layout.SEAL_SUFFIX)
            file_copies.write(self._files, f"{path}/{name}", segment.seal)


def back_up(
    directory: LogDirectory,
    target: str,
    now_ms: int,
    *,
    links: bool = True,
    progress: Progress = UNHEARD,
) -> BackupSummary:
    """Back an open directory up in one go, blocking; see ``Backup`` for what it raises."""
    backup = Backup(directory, target, now_ms, links=links, progress=progress)
    backup.prepare()
    try:
        backup.capture()
        return backup.write()
    finally:
        backup.discard()


def read_summary(files: Files, path: str) -> BackupSummary:
    """What the backup at ``path`` says of itself. Raises ``ForeignDirectory`` if it is none."""
    data = checksummed.read_file(files, f"{path}/{layout.BACKUP_FILE}")
    if data is None:
        raise ForeignDirectory(f"{path} is not a backup: it has no {layout.BACKUP_FILE}")
    try:
        return msgspec.json.decode(data, type=BackupSummary)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupDamaged(f"{path}/{layout.BACKUP_FILE} is damaged: {error}") from None


def restore(files: Files, source: str, target: str, progress: Progress = UNHEARD) -> BackupSummary:
    """Make a data directory at ``target``, not there yet or empty, out of the backup at ``source``.

    Its owner epoch is raised so far that producer ids the original has given out since are not given out
    again. Killed at any point there is no ``target``, and it is run again. Raises ``TargetNotEmpty``,
    ``ForeignDirectory``, ``BackupDamaged``, ``OSError``.
    """
    source, target = source.rstrip("/"), target.rstrip("/")
    summary = read_summary(files, source)
    _require_empty(files, target)
    _require_sound(files, source, progress)
    partial = target + _PARTIAL_SUFFIX
    _begin_partial(files, partial)
    root = f"{source}/{layout.LOG_DIRECTORY}"
    progress.begin("copying", BYTES, None if progress is UNHEARD else log_bytes(files, root))
    _copy_tree(files, root, f"{partial}/{layout.LOG_DIRECTORY}", progress)
    listed = catalog.load_catalog(files, source)
    epoch = listed.owner_epoch + OWNER_EPOCHS_SKIPPED
    catalog.store_catalog(files, partial, msgspec.structs.replace(listed, owner_epoch=epoch))
    catalog.store_format(files, partial, summary.cluster_id)
    _require_sound(files, partial, progress)
    _finish_partial(files, partial, target)
    return summary


def _require_empty(files: Files, path: str) -> None:
    if not files.exists(path):
        return
    if not file_copies.is_directory(files, path) or files.listdir(path):
        raise TargetNotEmpty(f"{path} is not empty; name a directory that is not there yet")


def _require_sound(files: Files, path: str, progress: Progress) -> None:
    damaged = [finding for finding in check(files, path, progress) if finding.severity is Severity.DAMAGE]
    if damaged:
        raise BackupDamaged(
            f"{path}: {len(damaged)} damaged, first {damaged[0]}; "
            "run 'streamz repair' on the directory it was made of, and back it up again"
        )


def _begin_partial(files: Files, partial: str) -> None:
    if files.exists(partial):
        foreign = [name for name in files.listdir(partial) if not _is_own(name)]
        if foreign:
            raise TargetNotEmpty(f"{partial} holds {', '.join(foreign[:5])}; move it away first")
        _remove(files, partial)
    make_directory(files, f"{partial}/{layout.LOG_DIRECTORY}")


def _is_own(name: str) -> bool:
    return name.removesuffix(layout.TEMPORARY_SUFFIX) in _OWN_NAMES


def _finish_partial(files: Files, partial: str, target: str) -> None:
    """Everything in it becomes durable, then it gets its name."""
    _sync_tree(files, partial)
    files.rename(partial, target)
    files.sync_dir(target.rpartition("/")[0] or ("/" if target.startswith("/") else ""))


def _sync_tree(files: Files, path: str) -> None:
    for name in files.listdir(path):
        if file_copies.is_directory(files, f"{path}/{name}"):
            _sync_tree(files, f"{path}/{name}")
    files.sync_dir(path)


def _copy_tree(files: Files, source: str, target: str, progress: Progress) -> None:
    files.mkdir(target)
    for name in files.listdir(source):
        if file_copies.is_directory(files, f"{source}/{name}"):
            _copy_tree(files, f"{source}/{name}", f"{target}/{name}", progress)
        else:
            file_copies.copy(files, f"{source}/{name}", f"{target}/{name}", progress=progress)


def _remove(files: Files, path: str) -> None:
    if files.exists(path):
        file_copies.remove_tree(files, path)
