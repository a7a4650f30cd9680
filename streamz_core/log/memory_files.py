"""A file system in memory, for ``memory://`` logs and tests.

Owns: ``MemoryFiles``, the same operations as the disk's, with the same errors.
Must not know: what the bytes mean.

One ``MemoryFiles`` outlives the logs opened on it, as a disk does.
"""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Sequence
from typing import Final

from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import Buffer, process_id, sync_each

_FREE_BYTES: Final = 1 << 40


class MemoryFile:
    """An open handle on a file's content; content lives on while a handle is open, as on a disk."""

    __slots__ = ("_content", "_read_only", "path")

    def __init__(self, content: bytearray, path: str, *, read_only: bool = False) -> None:
        self._content: bytearray | None = content
        self._read_only = read_only
        self.path = path

    def read_at(self, position: int, size: int) -> bytes:
        """See ``File``."""
        return bytes(memoryview(self._require_content())[position : position + size])

    def write_at(self, position: int, data: Buffer | Sequence[Buffer]) -> None:
        """See ``File``."""
        content = self._require_content(write=True)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            data = b"".join(data)
        if not data:  # nothing written leaves no gap either
            return
        if position == len(content):
            content += data
            return
        if position > len(content):
            content.extend(bytes(position - len(content)))
        content[position : position + len(data)] = data

    def size(self) -> int:
        """See ``File``."""
        return len(self._require_content())

    def truncate(self, size: int) -> None:
        """See ``File``."""
        content = self._require_content(write=True)
        if size < len(content):
            del content[size:]
        else:
            content.extend(bytes(size - len(content)))

    def allocate(self, size: int) -> None:
        """See ``File``."""
        if size > self.size():
            self.truncate(size)

    def datasync(self) -> None:
        """Memory is as stable as it gets."""
        self._require_content()

    def close(self) -> None:
        """See ``File``."""
        self._content = None

    def _require_content(self, *, write: bool = False) -> bytearray:
        if self._content is None or (write and self._read_only):
            raise _error(errno.EBADF, self.path)
        return self._content


class MemoryLock:
    """A lock on a path of one ``MemoryFiles``."""

    def __init__(self, held: dict[str, str], path: str) -> None:
        self._held = held
        self._path = path
        self._released = False

    def note(self, text: str) -> None:
        """See ``Lock``."""
        self._held[self._path] = text

    def release(self) -> None:
        """See ``Lock``."""
        if not self._released:
            self._released = True
            self._held.pop(self._path, None)


class MemoryFiles:
    """Directories and files as dictionaries of this process."""

    blocks = False

    def __init__(self) -> None:
        self._contents: dict[str, bytearray] = {}
        self._names: dict[str, set[str]] = {"/": set()}
        self._locks: dict[str, str] = {}

    def open(
        self, path: str, *, create: bool = False, exclusive: bool = False, read_only: bool = False
    ) -> MemoryFile:
        """See ``Files``."""
        path = _normal(path)
        content = self._contents.get(path)
        if content is not None and exclusive:
            raise _error(errno.EEXIST, path)
        if content is None:
            if path in self._names:
                raise _error(errno.EISDIR, path)
            if not (create or exclusive):
                raise _error(errno.ENOENT, path)
            self._add_name(path)
            content = self._contents[path] = bytearray()
        return MemoryFile(content, path, read_only=read_only)

    def exists(self, path: str) -> bool:
        """See ``Files``."""
        path = _normal(path)
        return path in self._contents or path in self._names

    def listdir(self, path: str) -> list[str]:
        """See ``Files``."""
        path = _normal(path)
        if path not in self._names:
            raise _error(errno.ENOTDIR if path in self._contents else errno.ENOENT, path)
        return sorted(self._names[path])

    def size_of(self, path: str) -> int:
        """See ``Files``."""
        path = _normal(path)
        if path not in self._contents:
            raise _error(errno.ENOENT, path)
        return len(self._contents[path])

    def mkdir(self, path: str) -> None:
        """See ``Files``."""
        path = _normal(path)
        if path in self._names:
            return
        if path in self._contents:
            raise _error(errno.EEXIST, path)
        self.mkdir(posixpath.dirname(path))
        self._add_name(path)
        self._names[path] = set()

    def rename(self, old: str, new: str) -> None:
        """See ``Files``."""
        old, new = _normal(old), _normal(new)
        if old not in self._contents and old not in self._names:
            raise _error(errno.ENOENT, old)
        if old in self._contents:
            if new in self._names:
                raise _error(errno.EISDIR, new)
            self._add_name(new)
            self._contents[new] = self._contents.pop(old)
        else:
            self._rename_directory(old, new)
        if old != new:
            self._drop_name(old)

    def link(self, old: str, new: str) -> None:
        """See ``Files``."""
        old, new = _normal(old), _normal(new)
        if old not in self._contents:
            raise _error(errno.EPERM if old in self._names else errno.ENOENT, old)
        if new in self._contents or new in self._names:
            raise _error(errno.EEXIST, new)
        self._add_name(new)
        self._contents[new] = self._contents[old]

    def _rename_directory(self, old: str, new: str) -> None:
        if new in self._contents:
            raise _error(errno.ENOTDIR, new)
        if self._names.get(new):
            raise _error(errno.ENOTEMPTY, new)
        self._add_name(new)
        below = old + "/"
        for path in [path for path in self._contents if path.startswith(below)]:
            self._contents[new + path[len(old) :]] = self._contents.pop(path)
        for path in [path for path in self._names if path == old or path.startswith(below)]:
            self._names[new + path[len(old) :]] = self._names.pop(path)

    def unlink(self, path: str) -> None:
        """See ``Files``."""
        path = _normal(path)
        if path not in self._contents:
            raise _error(errno.EISDIR if path in self._names else errno.ENOENT, path)
        del self._contents[path]
        self._drop_name(path)

    def rmdir(self, path: str) -> None:
        """See ``Files``."""
        path = _normal(path)
        if self.listdir(path):
            raise _error(errno.ENOTEMPTY, path)
        del self._names[path]
        self._drop_name(path)

    def sync_dir(self, path: str) -> None:
        """See ``Files``."""
        if _normal(path) not in self._names:
            raise _error(errno.ENOENT, path)

    def sync_all(self, files: Sequence[str], directories: Sequence[str]) -> None:
        """Sync each by itself."""
        sync_each(self, files, directories)

    def lock(self, path: str) -> MemoryLock:
        """See ``Files``."""
        path = _normal(path)
        if path in self._locks:
            raise DirectoryOwned(path, process_id(), self._locks[path])
        self.open(path, create=True).close()
        self._locks[path] = ""
        return MemoryLock(self._locks, path)

    def free_bytes(self, path: str) -> int:
        """Plenty: memory is bounded by the process, not by this."""
        return _FREE_BYTES if self.exists(path) else 0

    def real_path(self, path: str) -> str:
        """See ``Files``."""
        return _normal(path)

    def _add_name(self, path: str) -> None:
        parent, name = posixpath.split(path)
        if parent not in self._names:
            raise _error(errno.ENOTDIR if parent in self._contents else errno.ENOENT, path)
        self._names[parent].add(name)

    def _drop_name(self, path: str) -> None:
        parent, name = posixpath.split(path)
        self._names[parent].discard(name)


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
