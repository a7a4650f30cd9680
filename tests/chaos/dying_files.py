"""The operating system's files, in a process that kills itself at the n-th call that changes something.

Owns: ``DyingFiles``, the moments of death, and the trace of calls by which moments are chosen.
Must not know: what is written, or what is checked afterwards.

A class in the process, and no tracer around it: it needs nothing installed, works wherever the log
does, stops in the middle of a write, and can take back what was never synced before it dies, so that a
real file system shows what a power cut would (of file contents; names stay, the crash images of
``tests/crash`` drop those too). No disk is waited for: what the kernel has outlives the process either
way, and waiting took most of the time. What this cannot see is RocksDB's own calls: ``syscall_trap``
does.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, NoReturn, TypeVar

from streamz_core.log.files import Buffer, DiskFile, DiskFiles

T = TypeVar("T")


class Moment(StrEnum):
    """When, at its call, the process dies."""

    BEFORE = "before"
    MIDDLE = "in the middle of"
    """Of a write: half of its bytes are in the file."""
    AFTER = "after"
    UNSYNCED = "after, what was not synced being taken back,"


class Point(NamedTuple):
    """Where the process dies: at which call, counted from 1, and when."""

    call: int
    moment: Moment


class _Undo(NamedTuple):
    position: int
    before: bytes
    size: int


class Death:
    """Counts the calls, and ends the process at its point. May be asked by several threads."""

    def __init__(self, point: Point | None) -> None:
        self.point = point
        self.trace: list[str] = []
        self._lock = threading.Lock()
        self._unsynced: dict[tuple[int, int], tuple[int, list[_Undo]]] = {}

    def call(self, what: str, do: Callable[[], T], half: Callable[[], object] | None = None) -> T:
        """Do what was asked for, unless this is the point; ``half`` does the first half of it."""
        with self._lock:
            self.trace.append(what)
            moment = self.point.moment if self.point and self.point.call == len(self.trace) else None
            if moment is Moment.BEFORE or moment is Moment.MIDDLE:
                if moment is Moment.MIDDLE and half is not None:
                    half()
                _die()
            if moment is not None:
                # With the lock held: nobody acknowledges anything between the call and the end.
                do()
                if moment is Moment.UNSYNCED:
                    self._take_back()
                _die()
        return do()

    def changing(self, fd: int, path: str, position: int, length: int) -> None:
        """Bytes of a file are about to change: keep what was there, until it is synced."""
        if self.point is None or self.point.moment is not Moment.UNSYNCED:
            return
        status = os.fstat(fd)
        with self._lock:
            key = (status.st_dev, status.st_ino)
            if key not in self._unsynced:
                # The log may close its handle before we die; a copy of it would keep a lock alive.
                self._unsynced[key] = (os.open(path, os.O_RDWR | os.O_CLOEXEC), [])
            undo = _Undo(position, os.pread(fd, length, position), status.st_size)
            self._unsynced[key][1].append(undo)

    def synced(self, fd: int) -> None:
        """The file is synced: what was there before is not taken back any more."""
        status = os.fstat(fd)
        with self._lock:
            _, undos = self._unsynced.get((status.st_dev, status.st_ino), (-1, []))
            undos.clear()

    def _take_back(self) -> None:
        for fd, undos in self._unsynced.values():
            for undo in reversed(undos):
                os.pwrite(fd, undo.before, undo.position)
                os.ftruncate(fd, undo.size)


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class DyingFile(DiskFile):
    """A file whose changes may be the last of the process."""

    __slots__ = ("_death",)

    def __init__(self, fd: int, path: str, death: Death) -> None:
        super().__init__(fd, path)
        self._death = death

    def write_at(self, position: int, data: Buffer | Sequence[Buffer]) -> None:
        """See ``File``."""
        whole = data if isinstance(data, (bytes, bytearray, memoryview)) else b"".join(data)
        self._death.changing(self._require_fd(), self.path, position, len(whole))
        self._death.call(
            "write",
            lambda: super(DyingFile, self).write_at(position, data),
            lambda: super(DyingFile, self).write_at(position, bytes(whole)[: len(whole) // 2]),
        )

    def truncate(self, size: int) -> None:
        """See ``File``."""
        fd = self._require_fd()
        self._death.changing(fd, self.path, size, max(0, self.size() - size))
        self._death.call("truncate", lambda: super(DyingFile, self).truncate(size))

    def allocate(self, size: int) -> None:
        """See ``File``."""
        self._death.changing(self._require_fd(), self.path, size, 0)
        self._death.call("allocate", lambda: super(DyingFile, self).allocate(size))

    def datasync(self) -> None:
        """See ``File``."""
        fd = self._require_fd()
        self._death.call("datasync", lambda: None)
        self._death.synced(fd)


class DyingFiles(DiskFiles):
    """The operating system's files, with a death to come."""

    def __init__(self, point: Point | None = None) -> None:
        self.death = Death(point)

    def open(
        self, path: str, *, create: bool = False, exclusive: bool = False, read_only: bool = False
    ) -> DyingFile:
        """See ``Files``."""
        is_new = create and not os.path.exists(path)

        def do() -> DiskFile:
            return super(DyingFiles, self).open(path, create=create, exclusive=exclusive, read_only=read_only)

        opened = self.death.call("create", do) if is_new else do()
        fd, opened._fd = opened._fd, -1
        return DyingFile(fd, path, self.death)

    def mkdir(self, path: str) -> None:
        """See ``Files``."""
        if not os.path.isdir(path):
            self.death.call("mkdir", lambda: DiskFiles().mkdir(path))

    def rename(self, old: str, new: str) -> None:
        """See ``Files``."""
        self.death.call("rename", lambda: super(DyingFiles, self).rename(old, new))

    def link(self, old: str, new: str) -> None:
        """See ``Files``."""
        self.death.call("link", lambda: super(DyingFiles, self).link(old, new))

    def unlink(self, path: str) -> None:
        """See ``Files``."""
        self.death.call("unlink", lambda: super(DyingFiles, self).unlink(path))

    def rmdir(self, path: str) -> None:
        """See ``Files``."""
        self.death.call("rmdir", lambda: super(DyingFiles, self).rmdir(path))

    def sync_dir(self, path: str) -> None:
        """See ``Files``."""
        self.death.call("sync_dir", lambda: None)


def points(trace: Sequence[str]) -> list[Point]:
    """Every point of death of a run whose calls were ``trace``."""
    return [
        Point(number, moment)
        for number, what in enumerate(trace, start=1)
        for moment in Moment
        if what == "write" or moment is not Moment.MIDDLE
    ]
