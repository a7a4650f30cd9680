"""Which segments have had their time.

Owns: the decision by age and size, and taking segments out of a partition so that a crash at any point
leaves either the segment or a log that starts after it.
Must not know: when it is asked.

Age counts from when a segment was last appended to, not from the timestamps in it: old events that are
loaded today stay for ``retention.ms``, and one record dated in the future does not keep a segment for ever.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence

from streamz_core.log import layout
from streamz_core.log.config import TopicConfig
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.segment import Segment, SegmentSummary


def is_expired(summary: SegmentSummary, config: TopicConfig, now_ms: int) -> bool:
    """Whether the last append to a segment is longer ago than ``retention.ms``."""
    return (
        config.is_deleted_by_age_or_size
        and config.retention_ms >= 0
        and summary.batch_count > 0
        and now_ms - summary.appended_ms > config.retention_ms
    )


def count_expired(summaries: Sequence[SegmentSummary], config: TopicConfig, now_ms: int) -> int:
    """How many of the oldest segments go; never the last of ``summaries``, which is the active one."""
    if not config.is_deleted_by_age_or_size:
        return 0
    count = 0
    spare = sum(summary.size_bytes for summary in summaries) - config.retention_bytes
    for summary in summaries[:-1]:
        is_over = config.retention_bytes >= 0 and spare >= summary.size_bytes
        if not is_over and not is_expired(summary, config, now_ms):
            break
        spare -= summary.size_bytes
        count += 1
    return count


class Condemned:
    """Segments that are out of the log and whose files wait for ``file.delete.delay.ms`` to pass."""

    def __init__(self, directory: PartitionDirectory) -> None:
        self._directory = directory
        self._due: deque[tuple[int, str]] = deque()

    def condemn(self, segment: Segment, due_ms: int) -> None:
        """Rename the segment's files; the log must already start after it, durably."""
        directory = self._directory
        for suffix in (layout.LOG_SUFFIX, *layout.SEGMENT_CACHE_SUFFIXES):
            name = layout.offset_name(segment.base_offset, suffix)
            path = directory.path_of(name)
            directory.open_files.forget(path)
            with contextlib.suppress(FileNotFoundError):
                directory.files.rename(path, path + layout.DELETED_SUFFIX)
                self._due.append((due_ms, name + layout.DELETED_SUFFIX))

    def unlink_due(self, now_ms: int) -> None:
        """Remove the files whose time has come."""
        while self._due and self._due[0][0] <= now_ms:
            self._directory.unlink(self._due[0][1])
            self._due.popleft()
