"""Directories and file contents as values, and the operations that change them.

Owns: ``Tree``, a whole file system at one moment, and one class per operation on it; names and
contents are apart, as on a disk: a name leads to an inode, an inode has a content.
Must not know: who writes what, or which operations a power cut may undo (``crash_images``).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT: Final = 0
"""The inode of the top directory."""


@dataclass(frozen=True, slots=True)
class Write:
    """``data`` at ``position``; beyond the end, the gap is zeros."""

    inode: int
    position: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """Make the file exactly ``size`` bytes; new bytes are zeros."""

    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Grow:
    """Make the file at least ``size`` bytes; only a crash does this, before the data has arrived."""

    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Enter:
    """A name appears: a file or directory made, or a second link."""

    directory: int
    name: str
    inode: int
    is_directory: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """A name disappears: unlink or rmdir."""

    directory: int
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A name moves; atomic, as every journaling file system makes it."""

    old_directory: int
    old_name: str
    new_directory: int
    new_name: str
    inode: int


@dataclass(frozen=True, slots=True)
class SyncFile:
    """Everything written to this inode is on the disk."""

    inode: int


@dataclass(frozen=True, slots=True)
class SyncFailed:
    """A sync of this inode failed and the system forgot what it had not written.

    What was written before and not synced may never reach the disk, whatever later syncs say (ext4,
    XFS and Btrfs all behave so).
    """

    inode: int


@dataclass(frozen=True, slots=True)
class SyncDirectory:
    """Every change of names in this directory is on the disk."""

    directory: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something the program did or said between two operations, such as an acknowledgement."""

    value: object


ContentChange = Write | Truncate | Grow
NameChange = Enter | Leave | Rename
Change = ContentChange | NameChange
Operation = Change | SyncFile | SyncFailed | SyncDirectory | Mark


def change_content(content: bytearray, change: ContentChange) -> None:
    """Do ``change`` to ``content`` in place."""
    match change:
        case Write(position=position, data=data):
            gap = position - len(content)
            if gap > 0:
                content += bytes(gap)
            content[position : position + len(data)] = data
        case Truncate(size=size):
            if size <= len(content):
                del content[size:]
            else:
                content += bytes(size - len(content))
        case Grow(size=size):
            content += bytes(max(0, size - len(content)))


def change_names(directories: dict[int, dict[str, int]], change: NameChange) -> None:
    """Do ``change`` to ``directories`` in place; a directory that never reached the disk is made up."""
    match change:
        case Enter(directory=directory, name=name, inode=inode, is_directory=is_directory):
            directories.setdefault(directory, {})[name] = inode
            if is_directory:
                directories.setdefault(inode, {})
        case Leave(directory=directory, name=name):
            directories.setdefault(directory, {}).pop(name, None)
        case Rename(old_directory=old, old_name=old_name, new_directory=new, new_name=new_name, inode=inode):
            left = directories.setdefault(old, {})
            # Where an older change did not reach the disk the old name may lead elsewhere by now.
            if left.get(old_name) == inode:
                del left[old_name]
            directories.setdefault(new, {})[new_name] = inode


def home(change: NameChange) -> int:
    """The directory whose sync makes ``change`` permanent: for a rename, the one of the new name."""
    return change.new_directory if isinstance(change, Rename) else change.directory


@dataclass(frozen=True, slots=True)
class Tree:
    """A file system at one moment. Contents are shared between trees, never changed."""

    contents: Mapping[int, bytes] = dataclasses.field(default_factory=dict)
    directories: Mapping[int, Mapping[str, int]] = dataclasses.field(default_factory=lambda: {ROOT: {}})

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Tree:
        """Build a tree from ``/``-joined paths and contents; parent directories come by themselves."""
        contents: dict[int, bytes] = {}
        directories: dict[int, dict[str, int]] = {ROOT: {}}
        inode = ROOT
        for path in sorted(files):
            *parents, name = split_path(path)
            at = ROOT
            for parent in parents:
                if parent not in directories[at]:
                    inode += 1
                    directories[at][parent] = inode
                    directories[inode] = {}
                at = directories[at][parent]
            inode += 1
            directories[at][name] = inode
            contents[inode] = files[path]
        return cls(contents, directories)

    def files(self) -> dict[str, bytes]:
        """Every reachable file's content by path."""
        return {path: self.contents.get(inode, b"") for path, inode, is_file in self._walk() if is_file}

    def paths(self) -> list[str]:
        """Every reachable path, directories with a trailing ``/``."""
        return [path if is_file else path + "/" for path, _, is_file in self._walk()]

    def digest(self) -> int:
        """Equal for equal names and contents, whatever the inode numbers; 64 bits, within one process."""
        contents = self.contents
        return hash(
            tuple(
                (path, contents.get(inode, b"") if is_file else None) for path, inode, is_file in self._walk()
            )
        )

    def _walk(self, directory: int = ROOT, prefix: str = "") -> Iterator[tuple[str, int, bool]]:
        for name, inode in sorted(self.directories.get(directory, {}).items()):
            path = prefix + name
            if inode in self.directories:
                yield path, inode, False
                yield from self._walk(inode, path + "/")
            else:
                yield path, inode, True


def split_path(path: str) -> list[str]:
    """The names of a path, from the root."""
    return [name for name in path.split("/") if name not in ("", ".")]


def after(tree: Tree, changes: Iterable[Change]) -> Tree:
    """``tree`` with ``changes`` done in their order."""
    touched: dict[int, bytearray] = {}
    directories: dict[int, dict[str, int]] | None = None
    for change in changes:
        if isinstance(change, ContentChange):
            content = touched.get(change.inode)
            if content is None:
                content = touched[change.inode] = bytearray(tree.contents.get(change.inode, b""))
            change_content(content, change)
        else:
            if directories is None:
                directories = {inode: dict(names) for inode, names in tree.directories.items()}
            change_names(directories, change)
    contents = {**tree.contents, **{inode: bytes(content) for inode, content in touched.items()}}
    return Tree(contents, directories if directories is not None else tree.directories)
