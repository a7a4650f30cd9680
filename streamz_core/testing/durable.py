"""What of a record of file operations a power cut cannot take away.

Owns: ``Durable``: the tree that is on the disk for certain, and the changes that may or may not be.
Must not know: which mixtures of them are worth trying (``crash_images``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.testing.disk_tree import (
    Change,
    ContentChange,
    Mark,
    Operation,
    SyncDirectory,
    SyncFailed,
    SyncFile,
    Tree,
    change_content,
    change_names,
    home,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Durable:
    """Follows operations one by one.

    A file's changes become certain with a sync of that file, changes of names with a sync of the
    directory they are in. Nothing else makes anything certain: not time, not a sync of something else.
    """

    def __init__(self, tree: Tree) -> None:
        self._contents = {inode: bytearray(content) for inode, content in tree.contents.items()}
        self._frozen: dict[int, bytes] = dict(tree.contents)
        self._directories = {inode: dict(names) for inode, names in tree.directories.items()}
        self._tree: Tree | None = tree
        self.pending: list[Change] = []
        """Changes done and not yet certain, oldest first."""
        self._forgotten: set[int] = set()

    @property
    def tree(self) -> Tree:
        """What is certain; unchanged contents are shared with the trees handed out before."""
        if self._tree is None:
            for inode, content in self._contents.items():
                if inode not in self._frozen:
                    self._frozen[inode] = bytes(content)
            names = {inode: dict(entries) for inode, entries in self._directories.items()}
            self._tree = Tree(dict(self._frozen), names)
        return self._tree

    def feed(self, operation: Operation) -> None:
        """Take the next operation."""
        match operation:
            case Mark():
                return
            case SyncFile(inode=inode):
                self._settle(lambda change: isinstance(change, ContentChange) and change.inode == inode)
            case SyncFailed(inode=inode):
                self._forgotten |= {
                    id(change)
                    for change in self.pending
                    if isinstance(change, ContentChange) and change.inode == inode
                }
            case SyncDirectory(directory=directory):
                self._settle(
                    lambda change: not isinstance(change, ContentChange) and home(change) == directory
                )
            case _:
                self.pending.append(operation)

    def _settle(self, is_certain: Callable[[Change], bool]) -> None:
        left: list[Change] = []
        for change in self.pending:
            if id(change) in self._forgotten or not is_certain(change):
                left.append(change)
                continue
            self._tree = None
            if isinstance(change, ContentChange):
                change_content(self._contents.setdefault(change.inode, bytearray()), change)
                self._frozen.pop(change.inode, None)
            else:
                change_names(self._directories, change)
        self.pending = left
