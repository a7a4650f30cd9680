"""Owns: a killed process leaves names that all see and no sync has made certain; recovery must not build on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamz_core.log.directory import LogDirectory
from streamz_core.model import Durability
from streamz_core.testing.disk_tree import Enter, Leave, Operation, Rename, SyncDirectory
from streamz_core.testing.recording_files import RecordingFiles

PATH = "data"


class Killed(BaseException):
    """The process is gone."""


class Process:
    """Files, every operation on them, and a kill right after the name ``until`` appeared by a rename."""

    def __init__(self) -> None:
        self.files = RecordingFiles(record=self._record)
        self.operations: list[Operation] = []
        self.until = ""
        self._is_due = False

    def _record(self, operation: Operation) -> None:
        if self._is_due:
            raise Killed
        self._is_due = bool(self.until) and isinstance(operation, Rename) and operation.new_name == self.until
        self.operations.append(operation)

    def kill_after(self, until: str, do: Callable[[], object]) -> None:
        """Run ``do`` up to the rename; then a new process has the files."""
        self.until = until
        with pytest.raises(Killed):
            do()
        self.until, self._is_due = "", False
        self.files._locked.clear()
        self.operations.clear()


def filled(process: Process, batch, **configs: str) -> LogDirectory:
    directory = LogDirectory.open(process.files, PATH, 0)
    directory.create_topic("t", 1, {"segment.bytes": "150", **configs})
    log = directory.partition("t", 0)
    for number in range(6):
        log.append(batch("x" * 50, keys=["same"]), level=Durability.SYNC, now_ms=number)
        log.sync()
    return directory


def first(operations: list[Operation], kind: type, directory: int) -> int:
    return next(
        number
        for number, operation in enumerate(operations)
        if isinstance(operation, kind) and operation.directory == directory
    )


def directory_of(process: Process, name: str) -> int:
    return process.files._directory(name)


def test_segments_below_a_start_that_is_not_durable_stay_until_it_is(batch):
    process = Process()
    log = filled(process, batch).partition("t", 0)

    process.kill_after("partition.metadata", lambda: log.delete_records_before(3))
    again = LogDirectory.open(process.files, PATH, 0)

    assert again.partition("t", 0).log_start_offset == 3
    partition = directory_of(process, f"{PATH}/log/t-0")
    assert first(process.operations, SyncDirectory, partition) < first(process.operations, Leave, partition)


def test_a_start_that_is_shown_does_not_go_back(batch):
    process = Process()
    directory = LogDirectory.open(process.files, PATH, 0)
    directory.create_topic("t", 1)
    log = directory.partition("t", 0)
    log.append(batch("a"), level=Durability.SYNC, now_ms=0)
    log.append(batch("b"), level=Durability.SYNC, now_ms=0)
    log.sync()

    process.kill_after("partition.metadata", lambda: log.delete_records_before(1))
    again = LogDirectory.open(process.files, PATH, 0)

    assert again.partition("t", 0).log_start_offset == 1
    assert SyncDirectory(directory_of(process, f"{PATH}/log/t-0")) in process.operations


def test_compacted_segments_stay_until_the_name_of_their_successor_is_durable(batch):
    process = Process()
    configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"}
    log = filled(process, batch, **configs).partition("t", 0)

    process.kill_after("00000000000000000000.log.swap", lambda: log.compact(10))
    again = LogDirectory.open(process.files, PATH, 0)

    assert again.partition("t", 0).failure is None
    partition = directory_of(process, f"{PATH}/log/t-0")
    assert first(process.operations, SyncDirectory, partition) < first(process.operations, Leave, partition)


def test_nothing_is_written_to_a_new_directory_before_the_name_of_its_format_file_is_durable():
    process = Process()

    process.kill_after("streamz.json", lambda: LogDirectory.open(process.files, PATH, 0))
    LogDirectory.open(process.files, PATH, 0)

    root = directory_of(process, PATH)
    assert first(process.operations, SyncDirectory, root) < first(process.operations, Enter, root)
