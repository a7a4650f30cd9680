"""Where one partition lives on disk, and who it is.

Owns: the partition's identity together with its directory and open handles; removing files there.
Must not know: what the files hold.
"""

from __future__ import annotations

import contextlib
from uuid import UUID

from streamz_core.log import layout
from streamz_core.log.files import Files
from streamz_core.log.open_files import OpenFiles


class PartitionDirectory:
    """The directory of one partition."""

    __slots__ = ("name", "open_files", "partition", "path", "topic", "topic_id")

    def __init__(self, open_files: OpenFiles, path: str, topic: str, partition: int, topic_id: UUID) -> None:
        self.open_files = open_files
        self.path = path
        self.topic = topic
        self.partition = partition
        self.topic_id = topic_id
        self.name = layout.partition_directory_name(topic, partition)
        """For messages."""

    @property
    def files(self) -> Files:
        """The file system it is on."""
        return self.open_files.files

    def path_of(self, name: str) -> str:
        """The path of a file in it."""
        return f"{self.path}/{name}"

    def offsets(self, suffix: str) -> list[int]:
        """The offsets of the files with ``suffix``, ascending."""
        found = (layout.offset_of(name, suffix) for name in self.files.listdir(self.path))
        return sorted(offset for offset in found if offset is not None)

    def unlink(self, name: str) -> None:
        """Remove a file if it is there."""
        path = self.path_of(name)
        self.open_files.forget(path)
        with contextlib.suppress(FileNotFoundError):
            self.files.unlink(path)

    def unlink_segment_caches(self, base_offset: int) -> None:
        """Remove what lies beside a segment's ``.log``."""
        for suffix in layout.SEGMENT_CACHE_SUFFIXES:
            self.unlink(layout.offset_name(base_offset, suffix))

    def sync(self) -> None:
        """Make the names in it durable."""
        self.files.sync_dir(self.path)
