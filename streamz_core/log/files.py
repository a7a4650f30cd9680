"""The only door to files.

Owns: ``Files`` and ``File``, the few file operations the log is built from, and ``DiskFiles``, the
operating system's. The same log runs on a disk, in memory (``memory_files``) and, in tests, on file
systems that tear, reorder, fail and record.
Must not know: what the bytes mean.

Every operation raises ``OSError`` as the operating system does; who calls names topic and partition.
Paths are ``/``-joined strings. A write is durable after ``File.datasync``; a created, renamed or
unlinked name is durable after ``Files.sync_dir`` of its directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import sys
import weakref
from collections.abc import Sequence
from typing import IO, Protocol

from streamz_core.log.errors import AfterFork, DirectoryOwned

Buffer = bytes | bytearray | memoryview

_IOV_MAX = 1024
_SYNCED_ALONE_MAX = 32
"""More files than these are not synced one by one, but with everything else on their file system."""


class File(Protocol):
    """One open file, read and written at explicit positions."""

    def read_at(self, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``; fewer only where the file ends."""

    def write_at(self, position: int, data: Buffer | Sequence[Buffer]) -> None:
        """Write all of ``data`` (buffers one after the other) or raise; part of it may then be there."""

    def size(self) -> int:
        """Bytes in the file."""

    def truncate(self, size: int) -> None:
        """Cut the file, or grow it by zeros, to ``size`` bytes."""

    def allocate(self, size: int) -> None:
        """Grow the file by zeros to ``size`` bytes, their space on the disk taken; a longer file stays as it is."""

    def datasync(self) -> None:
        """Return once content and size are on stable storage. May be called from another thread."""

    def close(self) -> None:
        """Give the handle back; closing twice does nothing."""


class Lock(Protocol):
    """An exclusive hold on a path; it ends with the process that took it."""

    def note(self, text: str) -> None:
        """Leave a line for whoever is refused (``DirectoryOwned.note``)."""

    def release(self) -> None:
        """Let go; releasing twice does nothing."""


class Files(Protocol):
    """A file system."""

    @property
    def blocks(self) -> bool:
        """Whether ``datasync`` may take long, so that it belongs in a worker thread."""

    def open(
        self, path: str, *, create: bool = False, exclusive: bool = False, read_only: bool = False
    ) -> File:
        """Open a file; ``create`` makes it if it is missing, ``exclusive`` refuses one that is there."""

    def exists(self, path: str) -> bool:
        """Whether a file or directory is there."""

    def listdir(self, path: str) -> list[str]:
        """Names in a directory, sorted."""

    def size_of(self, path: str) -> int:
        """Bytes in the file at ``path``, without opening it."""

    def mkdir(self, path: str) -> None:
        """Make a directory and its parents; one that is there already is fine."""

    def rename(self, old: str, new: str) -> None:
        """Give a file or directory another name, replacing a file of that name in one step."""

    def link(self, old: str, new: str) -> None:
        """Give a file a second name; ``FileExistsError`` if that is taken, ``EXDEV`` on another file system."""

    def unlink(self, path: str) -> None:
        """Remove a file's name; open handles go on working."""

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""

    def sync_dir(self, path: str) -> None:
        """Return once the names in a directory are on stable storage. May be called from another thread."""

    def sync_all(self, files: Sequence[str], directories: Sequence[str]) -> None:
        """As ``datasync`` and ``sync_dir`` of each of them, but at once where that is faster."""

    def lock(self, path: str) -> Lock:
        """Take an exclusive lock without waiting, or raise ``DirectoryOwned`` with the owner's pid."""

    def free_bytes(self, path: str) -> int:
        """Bytes this user may still write on the file system of ``path``."""

    def real_path(self, path: str) -> str:
        """The one absolute spelling of ``path``, symbolic links followed."""


class DiskFile:
    """A file of the operating system."""

    __slots__ = ("__weakref__", "_fd", "_forked", "path")

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._forked = False
        self.path = path

    def read_at(self, position: int, size: int) -> bytes:
        """See ``File``."""
        fd = self._require_fd()
        data = os.pread(fd, size, position)
        if len(data) == size or not data:
            return data
        parts = [data]  # a signal or a network file system may cut a read short before the end
        got = len(data)
        while got < size and (data := os.pread(fd, size - got, position + got)):
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def write_at(self, position: int, data: Buffer | Sequence[Buffer]) -> None:
        """See ``File``."""
        buffers = (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data
        fd = self._require_fd()
        if len(buffers) <= _IOV_MAX:
            total = sum(map(len, buffers))
            written = os.pwritev(fd, buffers, position)
            if written == total:
                return
        else:
            written = 0
        self._write_rest(fd, position, b"".join(buffers), written)

    def _write_rest(self, fd: int, position: int, data: bytes, written: int) -> None:
        view = memoryview(data)
        while written < len(view):
            count = os.pwrite(fd, view[written:], position + written)
            if count == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            written += count

    def size(self) -> int:
        """See ``File``."""
        return os.fstat(self._require_fd()).st_size

    def truncate(self, size: int) -> None:
        """See ``File``."""
        os.ftruncate(self._require_fd(), size)

    def allocate(self, size: int) -> None:
        """See ``File``; where the system takes no space beforehand (macOS), the file only grows."""
        fd = self._require_fd()
        end = os.fstat(fd).st_size
        if size <= end:
            return
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, end, size - end)
        else:
            os.ftruncate(fd, size)

    def datasync(self) -> None:
        """See ``File``."""
        _datasync(self._require_fd())

    def close(self) -> None:
        """See ``File``."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def disown(self) -> None:
        """In a forked child: give the handle back and refuse every later use."""
        self._forked = True
        with contextlib.suppress(OSError):
            self.close()

    def _require_fd(self) -> int:
        if self._fd < 0:
            if self._forked:
                raise AfterFork(f"{self.path} was opened before a fork; open the address in the child")
            raise OSError(errno.EBADF, "file is closed", self.path)
        return self._fd


class DiskLock:
    """A ``flock`` on a file that is opened once and never again, so that no other close can drop it."""

    def __init__(self, file: DiskFile) -> None:
        self._file = file

    def note(self, text: str) -> None:
        """See ``Lock``."""
        content = f"{os.getpid()}\n{text}\n".encode()
        self._file.write_at(0, content)
        self._file.truncate(len(content))

    def release(self) -> None:
        """See ``Lock``."""
        self._file.close()


class DiskFiles:
    """The operating system's files (POSIX)."""

    blocks = True

    def open(
        self, path: str, *, create: bool = False, exclusive: bool = False, read_only: bool = False
    ) -> DiskFile:
        """See ``Files``."""
        flags = os.O_RDONLY if read_only else os.O_RDWR
        if create:
            flags |= os.O_CREAT
        if exclusive:
            flags |= os.O_CREAT | os.O_EXCL
        file = DiskFile(os.open(path, flags | os.O_CLOEXEC, 0o600), path)
        _opened.add(file)
        return file

    def exists(self, path: str) -> bool:
        """See ``Files``."""
        return os.path.lexists(path)

    def listdir(self, path: str) -> list[str]:
        """See ``Files``."""
        return sorted(os.listdir(path))

    def size_of(self, path: str) -> int:
        """See ``Files``."""
        return os.stat(path).st_size

    def mkdir(self, path: str) -> None:
        """See ``Files``. For the owner alone; new parents are made durable by their own ``sync_dir``."""
        parent = os.path.dirname(path)
        if parent and not os.path.isdir(parent):
            self.mkdir(parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not os.path.isdir(path):
                raise

    def rename(self, old: str, new: str) -> None:
        """See ``Files``."""
        os.replace(old, new)

    def link(self, old: str, new: str) -> None:
        """See ``Files``."""
        os.link(old, new)

    def unlink(self, path: str) -> None:
        """See ``Files``."""
        os.unlink(path)

    def rmdir(self, path: str) -> None:
        """See ``Files``."""
        os.rmdir(path)

    def sync_dir(self, path: str) -> None:
        """See ``Files``."""
        fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)  # noqa: TID251 - this module is the door
        finally:
            os.close(fd)

    def sync_all(self, files: Sequence[str], directories: Sequence[str]) -> None:
        """See ``Files``. Many files are synced with all else on their file system, in one call."""
        if len(files) > _SYNCED_ALONE_MAX and _sync_file_system(directories[-1]):
            return
        sync_each(self, files, directories)

    def lock(self, path: str) -> DiskLock:
        """See ``Files``."""
        file = self.open(path, create=True)
        try:
            fcntl.flock(file._require_fd(), fcntl.LOCK_EX | fcntl.LOCK_NB)  # noqa: SLF001 - same module
        except BlockingIOError:
            content = file.read_at(0, 4096)
            file.close()
            raise _owned(path, content) from None
        except BaseException:
            file.close()
            raise
        lock = DiskLock(file)
        lock.note("")
        return lock

    def free_bytes(self, path: str) -> int:
        """See ``Files``."""
        stats = os.statvfs(path)
        return stats.f_bavail * stats.f_frsize

    def real_path(self, path: str) -> str:
        """See ``Files``."""
        return os.path.realpath(path)


def sync_each(files: Files, paths: Sequence[str], directories: Sequence[str]) -> None:
    """Sync the content of ``paths`` one after the other, then the names in ``directories``."""
    for path in paths:
        file = files.open(path)
        try:
            file.datasync()
        finally:
            file.close()
    for directory in directories:
        files.sync_dir(directory)


def process_id() -> int:
    """This process's id, as locks record it."""
    return os.getpid()


def _owned(path: str, content: bytes) -> DirectoryOwned:
    pid_line, _, note = content.decode("utf-8", "replace").partition("\n")
    return DirectoryOwned(path, int(pid_line) if pid_line.isdigit() else None, note.strip())


def _datasync(fd: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync alone leaves data in the drive's cache there
    else:
        os.fdatasync(fd)  # noqa: TID251 - this module is the door


def _sync_file_system(directory: str) -> bool:
    """Sync the whole file system of ``directory``; False where that cannot be done, or did not succeed."""
    # Only Linux promises that the call waits, and Python has no name for it.
    call = getattr(ctypes.CDLL(None), "syncfs", None) if sys.platform == "linux" else None
    if call is None:
        return False
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A failure may be another program's: syncing each file by itself finds out.
        return bool(call(fd) == 0)
    finally:
        os.close(fd)


_opened: weakref.WeakSet[DiskFile] = weakref.WeakSet()


def _disown_all() -> None:
    """A forked child shares its parent's handles and lock: it must neither write nor keep the lock alive."""
    for file in list(_opened):
        file.disown()


os.register_at_fork(after_in_child=_disown_all)


def bytes_left(stream: IO[str]) -> int | None:
    """How much of a stream that somebody else has opened is to be read yet; None of what is no file, as a pipe."""
    try:
        descriptor = stream.fileno()
        found = os.fstat(descriptor)
        return found.st_size - os.lseek(descriptor, 0, os.SEEK_CUR) if stat.S_ISREG(found.st_mode) else None
    except OSError:
        return None
