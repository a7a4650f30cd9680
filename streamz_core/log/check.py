"""One verifier for the whole on-disk format.

Owns: walking a data directory without changing it, and saying what is not as it should be.
Must not know: repair.

>>> from streamz_core.log.memory_files import MemoryFiles
>>> from streamz_core.log.directory import LogDirectory
>>> files = MemoryFiles()
>>> LogDirectory.open(files, "/data", 0).close()
>>> check(files, "/data")
[]
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from streamz_core.errors import StreamzError
from streamz_core.log import catalog, checksummed, layout, partition_metadata, snapshot
from streamz_core.log.catalog import TopicEntry
from streamz_core.log.file_copies import is_directory
from streamz_core.log.files import Files
from streamz_core.log.offset_index import OffsetIndex
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.recovery_point import RecoveryPoint, RecoveryPointFile
from streamz_core.log.replay import take_in
from streamz_core.log.segment import Segment
from streamz_core.log.segment_scan import is_blank, scan
from streamz_core.progress import BYTES, UNHEARD, Progress
from streamz_core.protocol.record_batch import CorruptBatch


class Depth(Enum):
    """How much is looked at."""

    FAST = "fast"
    """What opening looks at: names, sizes, seals, and the bytes behind the recovery points."""
    DEEP = "deep"
    """Every byte."""


class Severity(Enum):
    """How bad a finding is."""

    DAMAGE = "damage"
    """Records are lost or cannot be read."""
    TORN = "torn"
    """Bytes after the recovery point that opening will cut off: never acknowledged at level SYNC."""
    CACHE = "cache"
    """A file that opening, or the next read, rebuilds."""
    LEFTOVER = "leftover"
    """A file or directory that nothing refers to."""


class Finding(NamedTuple):
    """One thing that is not as it should be; ``start`` to ``stop`` are the offsets concerned, if any."""

    severity: Severity
    path: str
    message: str
    start: int = -1
    stop: int = -1

    def __str__(self) -> str:
        offsets = f" (offsets {self.start} to {self.stop - 1})" if self.start >= 0 else ""
        return f"{self.severity.value}: {self.path}: {self.message}{offsets}"


def check(
    files: Files, path: str, progress: Progress = UNHEARD, *, depth: Depth = Depth.DEEP
) -> list[Finding]:
    """Everything found in the data directory at ``path``; an empty list if all is well.

    Writes nothing. Meant for a directory that nobody appends to meanwhile. ``progress`` hears of the bytes of
    logs that are read. A file that the operating system refuses to read is a finding like others.
    """
    path = path.rstrip("/") or "/"
    try:
        described = catalog.load_format(files, path)
        if described is None:
            return [Finding(Severity.DAMAGE, f"{path}/{layout.FORMAT_FILE}", "missing: not a data directory")]
        listed = catalog.load_catalog(files, path)
    except StreamzError as error:
        return [Finding(Severity.DAMAGE, path, str(error))]
    open_files = OpenFiles(files)
    findings: list[Finding] = []
    root = f"{path}/{layout.LOG_DIRECTORY}"
    present = set(files.listdir(root)) if files.exists(root) else set()
    progress.begin("checking", BYTES, None if progress is UNHEARD else log_bytes(files, root))
    try:
        for directory in _places(open_files, root, listed.topics):
            if directory.name in present:
                findings += _PartitionCheck(directory, progress, depth).run()
            else:
                findings.append(
                    Finding(Severity.DAMAGE, directory.path, "the partition's directory is missing")
                )
            present.discard(directory.name)
    finally:
        open_files.close()
    findings += [Finding(Severity.LEFTOVER, f"{root}/{name}", "in no catalog") for name in sorted(present)]
    return findings


def log_bytes(files: Files, root: str) -> int:
    """The bytes in the segments of all partition directories in ``root``."""
    if not files.exists(root):
        return 0
    partitions = [path for name in files.listdir(root) if is_directory(files, path := f"{root}/{name}")]
    return sum(
        files.size_of(f"{path}/{name}")
        for path in partitions
        for name in files.listdir(path)
        if name.endswith(layout.LOG_SUFFIX)
    )


def _places(open_files: OpenFiles, root: str, topics: list[TopicEntry]) -> Iterator[PartitionDirectory]:
    for entry in topics:
        for index in range(entry.partitions):
            name = layout.partition_directory_name(entry.name, index)
            yield PartitionDirectory(open_files, f"{root}/{name}", entry.name, index, entry.topic_id)


class _PartitionCheck:
    """The check of one partition, from its first byte to its last."""

    def __init__(self, directory: PartitionDirectory, progress: Progress, depth: Depth) -> None:
        self._directory = directory
        self._progress = progress
        self._depth = depth
        self._findings: list[Finding] = []
        self._producers = ProducerState()
        self._snapshots: list[int] = []

    def run(self) -> list[Finding]:
        """What is found in it."""
        try:
            self._check()
        except OSError as error:
            self._refused(error, self._directory.path)
        return self._findings

    def _check(self) -> None:
        directory = self._directory
        self._snapshots = directory.offsets(layout.SNAPSHOT_SUFFIX)
        metadata = partition_metadata.load(directory.files, directory.path)
        metadata_path = directory.path_of(layout.METADATA_FILE)
        if metadata is None:
            self._find(Severity.DAMAGE, metadata_path, "missing or damaged")
            return
        if (metadata.topic_id, metadata.partition) != (directory.topic_id.bytes, directory.partition):
            owner = f"{metadata.topic}-{metadata.partition} of topic id {UUID(bytes=metadata.topic_id)}"
            self._find(Severity.DAMAGE, metadata_path, f"belongs to {owner}")
            return
        bases = directory.offsets(layout.LOG_SUFFIX)
        point = self._recovery_point()
        if bases and bases[0] > metadata.log_start_offset:
            self._missing(metadata.log_start_offset, bases[0])
        if not bases and point is not None and point.next_offset > metadata.log_start_offset:
            self._missing(metadata.log_start_offset, point.next_offset)
        self._check_segments(bases, point)
        self._check_names(set(bases))

    def _recovery_point(self) -> RecoveryPoint | None:
        directory = self._directory
        path = directory.path_of(layout.RECOVERY_POINT_FILE)
        reader = RecoveryPointFile(directory.open_files, path, directory.topic_id, directory.partition)
        point = reader.read()
        if point is None:
            self._find(Severity.CACHE, path, "no whole recovery point of this partition in it")
        return point

    def _check_segments(self, bases: list[int], point: RecoveryPoint | None) -> None:
        next_offset: int | None = None
        for place, base in enumerate(bases):
            if next_offset is not None and base != next_offset:
                severity = self._severity(base, 0, point)
                message = f"begins at offset {base}, the segment before it ends at {next_offset}"
                path = self._directory.path_of(layout.offset_name(base, layout.LOG_SUFFIX))
                self._find(severity, path, message, min(base, next_offset), max(base, next_offset))
            is_active = place == len(bases) - 1
            follows = -1 if is_active else bases[place + 1]
            try:
                next_offset = self._check_segment(base, point, follows=follows)
            except OSError as error:
                stop = max(base + 1, point.next_offset if point else 0) if is_active else follows
                self._refused(error, self._segment(base).path, base, stop)
                next_offset = None if is_active else follows
            if next_offset is None:
                return
        if point is not None and next_offset is not None and point.next_offset > next_offset:
            self._missing(next_offset, point.next_offset)

    def _check_segment(self, base: int, point: RecoveryPoint | None, *, follows: int) -> int | None:
        """Walk one segment; where the next one is to begin, None if nobody knows. ``follows``: its base, or -1."""
        is_active = follows < 0
        segment = self._segment(base)
        if self._depth is Depth.FAST:
            known = self._active_as_known(segment, point) if is_active else self._as_sealed(segment)
            if known >= 0:
                return known
        positions: dict[int, int] = {}
        file = segment.file()
        end = file.size()
        gaps = not is_active
        try:
            for batch in scan(file, 0, end, base, gaps=gaps):
                positions[batch.position] = batch.header.last_offset
                take_in(segment, self._producers, [batch.header], [batch.data], 0, 0)
                self._check_snapshot(segment.next_offset)
                self._progress.add(batch.header.size_bytes)
        except CorruptBatch as error:
            severity = self._severity(base, error.position, point)
            is_whole = segment.next_offset == follows or (is_active and severity is Severity.TORN)
            if not (is_whole and is_blank(file, error.position, end)):  # else room that was taken for more
                message = f"at byte {error.position}: {error.reason}"
                self._find(severity, segment.path, message, segment.next_offset, segment.next_offset + 1)
                return None if is_active else follows
        self._check_indexes(segment, positions, is_active=is_active)
        return segment.next_offset

    def _as_sealed(self, segment: Segment) -> int:
        """The next offset of a sealed segment whose size is right, without reading it; -1 where it must be read."""
        seal = segment.read_seal(self._directory.topic_id, self._directory.partition)
        if seal is None or segment.file().size() != seal.summary.size_bytes:
            return -1
        return seal.summary.next_offset

    def _active_as_known(self, segment: Segment, point: RecoveryPoint | None) -> int:
        """The next offset where what is behind the recovery point is sound; -1 where the rest must be read."""
        if point is None or point.segment_base != segment.base_offset:
            return -1
        file = segment.file()
        next_offset = point.next_offset
        try:
            for batch in scan(file, point.position, file.size(), next_offset, gaps=False):
                next_offset = batch.header.next_offset
        except CorruptBatch as error:
            return next_offset if is_blank(file, error.position, file.size()) else -1
        return next_offset if file.size() >= point.position else -1

    def _check_snapshot(self, offset: int) -> None:
        if offset in self._snapshots and snapshot.read(self._directory, offset) is None:
            path = self._directory.path_of(layout.offset_name(offset, layout.SNAPSHOT_SUFFIX))
            self._find(Severity.CACHE, path, "damaged, or of another partition")

    def _check_indexes(self, segment: Segment, positions: dict[int, int], *, is_active: bool) -> None:
        directory = self._directory
        if not is_active:
            seal = segment.read_seal(directory.topic_id, directory.partition)
            path = segment.path_of(layout.SEAL_SUFFIX)
            if seal is None:
                self._find(Severity.CACHE, path, "missing, damaged, or of another segment")
                return
            known, found = seal.summary, segment.summary
            if known.frames_crc != found.frames_crc or known.size_bytes != found.size_bytes:
                self._find(
                    Severity.DAMAGE,
                    segment.path,
                    "its batches are not those it was sealed with",
                    segment.base_offset,
                    segment.next_offset,
                )
            if not Segment(directory.open_files, directory.path, segment.base_offset).load_indexes(
                seal.digests
            ):
                self._find(Severity.CACHE, path, "the index files are not those it was sealed with")
                return
        path = segment.path_of(layout.INDEX_SUFFIX)
        data = checksummed.read_file(directory.files, path) or b""
        index = OffsetIndex(segment.base_offset, data)
        for number in range(len(index)):
            entry = index.entry(number)
            if positions.get(entry.position) != entry.offset:
                self._find(Severity.CACHE, path, f"entry {number} leads nowhere: {entry}")
                return

    def _check_names(self, bases: set[int]) -> None:
        own = {layout.METADATA_FILE, layout.RECOVERY_POINT_FILE}
        for name in self._directory.files.listdir(self._directory.path):
            segment_files = (layout.LOG_SUFFIX, *layout.SEGMENT_CACHE_SUFFIXES)
            offsets = [layout.offset_of(name, suffix) for suffix in segment_files]
            belongs = any(offset in bases for offset in offsets if offset is not None)
            is_snapshot = layout.offset_of(name, layout.SNAPSHOT_SUFFIX) is not None
            if name not in own and not belongs and not is_snapshot:
                self._find(Severity.LEFTOVER, self._directory.path_of(name), "belongs to no segment")

    def _severity(self, base: int, position: int, point: RecoveryPoint | None) -> Severity:
        if point is not None and (base, position) >= (point.segment_base, point.position):
            return Severity.TORN
        return Severity.DAMAGE

    def _segment(self, base: int) -> Segment:
        return Segment(self._directory.open_files, self._directory.path, base)

    def _refused(self, error: OSError, path: str, start: int = -1, stop: int = -1) -> None:
        self._find(Severity.DAMAGE, error.filename or path, f"cannot be read: {error.strerror}", start, stop)

    def _missing(self, start: int, stop: int) -> None:
        self._find(Severity.DAMAGE, self._directory.path, "no segment file holds these offsets", start, stop)

    def _find(self, severity: Severity, path: str, message: str, start: int = -1, stop: int = -1) -> None:
        self._findings.append(Finding(severity, path, message, start, stop))
