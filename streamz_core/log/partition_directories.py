"""The directories of partitions: making many at once, removing one, telling what a crash left.

Owns: the order of steps by which a partition's directory comes to be and goes.
Must not know: the catalog, topics' settings, what is in a log.

A new directory counts for nothing before the catalog names it, so all of a request's directories are made
first and synced together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from uuid import UUID

from streamz_core.log import layout, partition_metadata
from streamz_core.log.errors import DamagedDirectory
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_metadata import PartitionMetadata
from streamz_core.log.recovery_point import RecoveryPoint, RecoveryPointFile


class PartitionDirectories:
    """What lies in the ``log`` directory of a data directory."""

    def __init__(self, open_files: OpenFiles, path: str) -> None:
        self._open_files = open_files
        self._files = open_files.files
        self.path = f"{path}/{layout.LOG_DIRECTORY}"

    def place(self, topic: str, partition: int, topic_id: UUID) -> PartitionDirectory:
        """Where a partition lives, whether it is there or not."""
        path = f"{self.path}/{layout.partition_directory_name(topic, partition)}"
        return PartitionDirectory(self._open_files, path, topic, partition, topic_id)

    def names(self) -> list[str]:
        """What is there."""
        return self._files.listdir(self.path)

    def make(
        self, places: Sequence[PartitionDirectory], deleting: Collection[UUID]
    ) -> list[RecoveryPointFile]:
        """Make empty partitions; all of them are durable when this returns, or removed again.

        Answers with their recovery points.
        What a crash left under such a name is removed, if nothing is in it or it is of a topic of ``deleting``.
        Raises ``OSError``, ``DamagedDirectory``.
        """
        made: list[PartitionDirectory] = []
        points: list[RecoveryPointFile] = []
        try:
            for place in places:
                if self._files.exists(place.path):
                    self._clear(place, deleting)
                made.append(place)
                points.append(self._make(place))
            written = [
                place.path_of(name)
                for place in places
                for name in (layout.RECOVERY_POINT_FILE, layout.METADATA_FILE)
            ]
            self._files.sync_all(written, [*(place.path for place in places), self.path])
        except (OSError, DamagedDirectory):
            for place in made:
                with contextlib.suppress(OSError):
                    self.remove(place.name)
            raise
        return points

    def remove(self, name: str) -> None:
        """Remove a directory; its identity goes last, so a crash in between is understood."""
        path = f"{self.path}/{name}"
        if not self._files.exists(path):
            return
        for one in self._files.listdir(path):
            if one != layout.METADATA_FILE:
                self._open_files.forget(f"{path}/{one}")
                self._files.unlink(f"{path}/{one}")
        self._files.sync_dir(path)
        with contextlib.suppress(FileNotFoundError):
            self._files.unlink(f"{path}/{layout.METADATA_FILE}")
        self._files.rmdir(path)

    def sync(self) -> None:
        """Make the names in it durable."""
        self._files.sync_dir(self.path)

    def is_leftover(self, name: str, deleting: Collection[UUID]) -> bool:
        """Whether ``name``, which no topic has, is what an interrupted creation or deletion left."""
        path = f"{self.path}/{name}"
        return self._is_of(path, deleting) or not self._holds_records(path)

    def _clear(self, place: PartitionDirectory, deleting: Collection[UUID]) -> None:
        if not self.is_leftover(place.name, deleting):
            raise DamagedDirectory(
                f"{place.path} holds records of a topic the catalog does not know; move it away first"
            )
        self.remove(place.name)

    def _make(self, place: PartitionDirectory) -> RecoveryPointFile:
        self._files.mkdir(place.path)
        path = place.path_of(layout.RECOVERY_POINT_FILE)
        point = RecoveryPointFile(self._open_files, path, place.topic_id, place.partition)
        point.create(RecoveryPoint(0, 0, 0))
        metadata = PartitionMetadata(
            topic=place.topic, partition=place.partition, topic_id=place.topic_id.bytes
        )
        partition_metadata.create(self._files, place.path, metadata)
        return point

    def _is_of(self, path: str, topic_ids: Collection[UUID]) -> bool:
        metadata = partition_metadata.load(self._files, path)
        return metadata is not None and UUID(bytes=metadata.topic_id) in topic_ids

    def _holds_records(self, path: str) -> bool:
        names = self._files.listdir(path)
        logs = (name for name in names if layout.offset_of(name, layout.LOG_SUFFIX) is not None)
        return any(self._files.size_of(f"{path}/{name}") for name in logs)
