"""An in-memory file system that writes down every operation.

Owns: ``RecordingFiles``, an implementation of ``log.files.Files`` that hands each write, truncation,
change of names and sync to a recorder, beside doing it.
Must not know: the log's formats; which crash images follow from the record (``crash_images``).
"""

from __future__ import annotations

import errno
import functools
import os
from typing import TYPE_CHECKING, Final

from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import process_id, sync_each
from streamz_core.testing.disk_tree import (
    ROOT,
    Enter,
    Leave,
    Mark,
    Operation,
    Rename,
    SyncDirectory,
    SyncFailed,
    SyncFile,
    Tree,
    Truncate,
    Write,
    change_content,
    split_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.log.files import Buffer

_FREE_BYTES: Final = 1 << 40


@functools.lru_cache(maxsize=1 << 14)
def _split_last(path: str) -> tuple[str, str]:
    """The parent's path and the last name; two empty strings for the root."""
    *parents, name = split_path(path) or [""]
    return "/".join(parents), name


def _refusal(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)


class RecordedFile:
    """An open file of a ``RecordingFiles``; keeps working after an unlink, as POSIX has it."""

    def __init__(self, files: RecordingFiles, inode: int, path: str, *, read_only: bool) -> None:
        self._files = files
        self._inode = inode
        self._path = path
        self._read_only = read_only
        self._closed = False

    def read_at(self, position: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``position``; fewer at the end of the file."""
        self._check_open()
        return bytes(self._files.content(self._inode)[position : position + size])

    def write_at(self, position: int, data: Buffer | Sequence[Buffer]) -> None:
        """Write all of ``data``; a sequence of buffers is one write, that a crash can tear anywhere."""
        self._check_open(writing=True)
        whole = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b"".join(data)
        if whole:
            self._files.change(Write(self._inode, position, whole))

    def size(self) -> int:
        """Bytes in the file."""
        self._check_open()
        return len(self._files.content(self._inode))

    def truncate(self, size: int) -> None:
        """Cut or extend (by zeros) to ``size`` bytes."""
        self._check_open(writing=True)
        self._files.change(Truncate(self._inode, size))

    def allocate(self, size: int) -> None:
        """Extend (by zeros) to ``size`` bytes; to a crash that is a change of the size like any other."""
        if size > self.size():
            self.truncate(size)

    def datasync(self) -> None:
        """Make this file's content and size certain."""
        self._check_open()
        self._files.record(SyncFile(self._inode))

    def lose_sync(self) -> None:
        """Let a sync fail as real systems do: what is not on the disk yet may never get there."""
        self._check_open()
        self._files.record(SyncFailed(self._inode))

    def close(self) -> None:
        """Close; again does nothing. Makes nothing certain."""
        self._closed = True

    def _check_open(self, *, writing: bool = False) -> None:
        if self._closed or (writing and self._read_only):
            raise _refusal(errno.EBADF, self._path)


class RecordedLock:
    """A lock held on a ``RecordingFiles``."""

    def __init__(self, held: dict[int, str], inode: int) -> None:
        self._held = held
        self._inode = inode
        held[inode] = ""

    def note(self, text: str) -> None:
        """Leave a line for whoever is refused."""
        self._held[self._inode] = text

    def release(self) -> None:
        """Let the next owner in; again does nothing."""
        self._held.pop(self._inode, None)


class RecordingFiles:
    """The files of a tree in memory; every change is done at once and handed to ``record``.

    ``record`` is called with the operation before it is done, so that it may raise instead.
    """

    blocks = False

    def __init__(self, tree: Tree | None = None, record: Callable[[Operation], None] | None = None) -> None:
        self.origin = tree if tree is not None else Tree()
        self.record: Callable[[Operation], None] = record if record is not None else (lambda _: None)
        self._contents: dict[int, bytes | bytearray] = dict(self.origin.contents)
        self._directories = {inode: dict(names) for inode, names in self.origin.directories.items()}
        for names in self.origin.directories.values():
            for inode in names.values():
                if inode not in self._directories:
                    self._contents.setdefault(inode, b"")
        self._next_inode = 1 + max(max(self._contents, default=ROOT), *self._directories)
        self._locked: dict[int, str] = {}
        self._found: dict[str, int] = {}  # directories by path; forgotten whenever a name moves or goes

    def mark(self, value: object) -> None:
        """Write a remark between two operations, such as "offset 7 was acknowledged"."""
        self.record(Mark(value))

    def tree(self) -> Tree:
        """Everything as it is now, certain or not."""
        contents = {inode: bytes(content) for inode, content in self._contents.items()}
        return Tree(contents, {inode: dict(names) for inode, names in self._directories.items()})

    # -- what log.files.Files asks for ------------------------------------------------------------

    def open(
        self, path: str, *, create: bool = False, exclusive: bool = False, read_only: bool = False
    ) -> RecordedFile:
        """Open a file, as ``log.files.Files.open`` says."""
        directory, name = self._parent(path)
        inode = self._directories[directory].get(name)
        if inode is None:
            if not (create or exclusive):
                raise _refusal(errno.ENOENT, path)
            inode = self._enter(directory, name, is_directory=False)
        elif inode in self._directories:
            raise _refusal(errno.EISDIR, path)
        elif exclusive:
            raise _refusal(errno.EEXIST, path)
        return RecordedFile(self, inode, path, read_only=read_only)

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory of that name."""
        return self._find(path) is not None

    def listdir(self, path: str) -> list[str]:
        """The names in a directory, sorted."""
        return sorted(self._directories[self._directory(path)])

    def size_of(self, path: str) -> int:
        """Bytes in the file at ``path``."""
        file = self.open(path, read_only=True)
        return file.size()

    def mkdir(self, path: str) -> None:
        """Make a directory and its parents; no error where it is there."""
        at = ROOT
        for name in split_path(path):
            inode = self._directories[at].get(name)
            if inode is None:
                inode = self._enter(at, name, is_directory=True)
            elif inode not in self._directories:
                raise _refusal(errno.ENOTDIR, path)
            at = inode

    def rename(self, old: str, new: str) -> None:
        """Move a name, replacing a file (or an empty directory) that has the new one."""
        old_directory, old_name = self._parent(old)
        new_directory, new_name = self._parent(new)
        inode = self._directories[old_directory].get(old_name)
        if inode is None:
            raise _refusal(errno.ENOENT, old)
        self._check_rename(inode, new, self._directories[new_directory].get(new_name))
        self.record(Rename(old_directory, old_name, new_directory, new_name, inode))
        self._found.clear()
        del self._directories[old_directory][old_name]
        self._directories[new_directory][new_name] = inode

    def link(self, old: str, new: str) -> None:
        """Give a file a second name."""
        inode = self._find(old)
        if inode is None:
            raise _refusal(errno.ENOENT, old)
        if inode in self._directories:
            raise _refusal(errno.EPERM, old)
        directory, name = self._parent(new)
        if name in self._directories[directory]:
            raise _refusal(errno.EEXIST, new)
        self.record(Enter(directory, name, inode))
        self._directories[directory][name] = inode

    def unlink(self, path: str) -> None:
        """Remove a file's name."""
        directory, name = self._parent(path)
        inode = self._directories[directory].get(name)
        if inode is None:
            raise _refusal(errno.ENOENT, path)
        if inode in self._directories:
            raise _refusal(errno.EISDIR, path)
        self._leave(directory, name)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        if self._directories[self._directory(path)]:
            raise _refusal(errno.ENOTEMPTY, path)
        self._leave(*self._parent(path))

    def sync_dir(self, path: str) -> None:
        """Make the names in a directory certain."""
        self.record(SyncDirectory(self._directory(path)))

    def sync_all(self, files: Sequence[str], directories: Sequence[str]) -> None:
        """Sync each by itself."""
        sync_each(self, files, directories)

    def lock(self, path: str) -> RecordedLock:
        """Hold the lock file at ``path``; the owner of a crashed image holds nothing."""
        self.open(path, create=True).close()
        inode = self._find(path)
        assert inode is not None
        if inode in self._locked:
            raise DirectoryOwned(path, process_id(), self._locked[inode])
        return RecordedLock(self._locked, inode)

    def free_bytes(self, path: str) -> int:
        """Plenty."""
        self._directory(path)
        return _FREE_BYTES

    def real_path(self, path: str) -> str:
        """The one spelling of ``path``; there are no symbolic links."""
        return "/" + "/".join(split_path(path))

    # -- what its files ask for -------------------------------------------------------------------

    def content(self, inode: int) -> bytes | bytearray:
        """A file's content as it is now."""
        return self._contents[inode]

    def change(self, change: Write | Truncate) -> None:
        """Record and do a change of content."""
        self.record(change)
        content = self._contents[change.inode]
        # Contents that came with the tree are shared with other images: copied at the first change.
        if isinstance(content, bytes):
            content = self._contents[change.inode] = bytearray(content)
        change_content(content, change)

    # ---------------------------------------------------------------------------------------------

    def _enter(self, directory: int, name: str, *, is_directory: bool) -> int:
        inode = self._next_inode
        self.record(Enter(directory, name, inode, is_directory))
        self._next_inode += 1
        self._directories[directory][name] = inode
        if is_directory:
            self._directories[inode] = {}
        else:
            self._contents[inode] = b""
        return inode

    def _leave(self, directory: int, name: str) -> None:
        self.record(Leave(directory, name))
        self._found.clear()
        del self._directories[directory][name]

    def _check_rename(self, inode: int, new: str, replaced: int | None) -> None:
        if replaced is None or replaced == inode:
            return
        if replaced in self._directories and inode not in self._directories:
            raise _refusal(errno.EISDIR, new)
        if replaced not in self._directories and inode in self._directories:
            raise _refusal(errno.ENOTDIR, new)
        if self._directories.get(replaced):
            raise _refusal(errno.ENOTEMPTY, new)

    def _find(self, path: str) -> int | None:
        parent, name = _split_last(path)
        if not name:
            return ROOT
        directory = self._found.get(parent)
        if directory is None:
            directory = self._find(parent)
            if directory not in self._directories:
                return None
            self._found[parent] = directory
        return self._directories[directory].get(name)

    def _directory(self, path: str) -> int:
        inode = self._found.get(path)
        if inode is not None:
            return inode
        inode = self._find(path)
        if inode is None:
            raise _refusal(errno.ENOENT, path)
        if inode not in self._directories:
            raise _refusal(errno.ENOTDIR, path)
        self._found[path] = inode
        return inode

    def _parent(self, path: str) -> tuple[int, str]:
        parent, name = _split_last(path)
        if not name:
            raise _refusal(errno.EISDIR, path)
        return self._directory(parent), name


class Recording:
    """A list of operations and the files that fill it.

    Example::

        recording = Recording()
        recording.files.open("a", create=True).write_at(0, b"x")
        recording.operations  # [Enter(...), Write(...)]
    """

    def __init__(self, tree: Tree | None = None) -> None:
        self.operations: list[Operation] = []
        self.files = RecordingFiles(tree, self.operations.append)
