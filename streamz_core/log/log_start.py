"""Where a partition's log starts, and taking away what lies before.

Owns: the log start offset and from where on deletions are known, in memory and in ``partition.metadata``; the order
in which moving the start up and removing segments happen, so that a crash leaves either the segment or a log that
starts after it.
Must not know: why and when the start moves; what is durable (callers make sure that what follows is).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from streamz_core.log import partition_metadata
from streamz_core.log.errors import StorageFailure
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_metadata import PartitionMetadata
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.retention import Condemned
from streamz_core.log.segments import Segments


class LogStart:
    """The beginning of one partition's log."""

    def __init__(
        self,
        directory: PartitionDirectory,
        segments: Segments,
        producers: ProducerState,
        offset: int,
        deletions_kept_from: int,
    ) -> None:
        self.offset = offset
        """The first offset that may be read."""
        self.deletions_kept_from = deletions_kept_from
        """Who has read up to here at least misses no deletion: below, compaction has dropped tombstones."""
        self._directory = directory
        self._segments = segments
        self._producers = producers
        self._condemned = Condemned(directory)

    def move_to(self, offset: int) -> None:
        """Let the log start at ``offset``, durably. Raises ``StorageFailure``."""
        self._store(offset, self.deletions_kept_from)

    def forget_deletions_before(self, offset: int) -> None:
        """Tombstones below ``offset`` are about to be dropped: note it durably. Raises ``StorageFailure``."""
        if offset > self.deletions_kept_from:
            self._store(self.offset, offset)

    def remember_producers(self) -> None:
        """Compaction is about to drop markers: note durably what they told. Raises ``StorageFailure``.

        Else a transaction that was open when the start moved last would be found open again for ever.
        """
        self._store(self.offset, self.deletions_kept_from)

    def _store(self, offset: int, deletions_kept_from: int) -> None:
        directory = self._directory
        metadata = PartitionMetadata(
            topic=directory.topic,
            partition=directory.partition,
            topic_id=directory.topic_id.bytes,
            log_start_offset=offset,
            deletions_kept_from=deletions_kept_from,
            producers=self._producers.encode(),
            producers_known_to=self._segments[-1].next_offset if len(self._segments) > 0 else offset,
        )
        with naming(directory, "moving the log start"):
            partition_metadata.store(directory.files, directory.path, metadata)
        self.offset = offset
        self.deletions_kept_from = deletions_kept_from

    def remove_segments(self, count: int, due_ms: int) -> None:
        """Let the log start after the oldest ``count`` segments; their files go at ``due_ms``."""
        self.move_to(max(self._segments[count].base_offset, self.offset))
        for _ in range(count):
            self._remove_first(due_ms)
        self._sync()

    def cut_below(self, offset: int) -> None:
        """Let the log start at ``offset``, and remove the segments that are wholly below it, but the last."""
        self.move_to(offset)
        while len(self._segments) > 1 and self._segments[0].next_offset <= offset:
            self._remove_first(0)
        self._sync()

    def unlink_due(self, now_ms: int) -> None:
        """Remove the files of removed segments whose time has come. Raises ``StorageFailure``."""
        with naming(self._directory, "deleting"):
            self._condemned.unlink_due(now_ms)

    def _remove_first(self, due_ms: int) -> None:
        with naming(self._directory, "deleting"):
            self._condemned.condemn(self._segments[0], due_ms)
        self._segments.remove_first()

    def _sync(self) -> None:
        with naming(self._directory, "deleting"):
            self._directory.sync()
        self.unlink_due(0)


@contextlib.contextmanager
def naming(directory: PartitionDirectory, action: str) -> Iterator[None]:
    """Turn the operating system's errors into a ``StorageFailure`` that names the partition."""
    try:
        yield
    except OSError as error:
        raise StorageFailure(directory.name, action, error.filename or directory.path, error) from error
