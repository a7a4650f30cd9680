"""Open handles, bounded.

Owns: which files of a data directory are open at the moment; closing the one used longest ago.
Must not know: what the files hold.

A pinned file (one that is being synced or read) stays open, however many there are. A held file (one with
writes that are not synced yet) stays open until there are more than ``held_max``: then whoever holds one longest
is asked to let go of it.
"""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final

from streamz_core.log.files import File, Files

OPEN_FILES_MAX: Final = 256
HELD_FILES_MAX: Final = 384
"""With those that are open beside them, well below the 1,024 that many systems let a process open."""


class OpenFiles:
    """Handles by path, opened on first use."""

    def __init__(
        self, files: Files, *, open_files_max: int = OPEN_FILES_MAX, held_files_max: int = HELD_FILES_MAX
    ) -> None:
        self.files = files
        self._open: OrderedDict[str, File] = OrderedDict()
        self._pins: dict[int, int] = {}  # id of a file, which is kept alive by one of these tables
        self._orphans: dict[int, File] = {}
        self._open_files_max = open_files_max
        self._held: OrderedDict[int, Callable[[], None]] = OrderedDict()  # id of a file -> lets go of it
        self._held_files_max = held_files_max

    def get(self, path: str) -> File:
        """The open handle for ``path``; the file must be there. Use it before the next call."""
        file = self._open.get(path)
        if file is not None:
            self._open.move_to_end(path)
            return file
        return self._add(path, create=False)

    def create(self, path: str) -> File:
        """Make a new file; one that is there already is refused (``FileExistsError``)."""
        return self._add(path, create=True)

    def pin(self, path: str) -> File:
        """Keep the file at ``path`` open until as many ``unpin`` calls came."""
        file = self.get(path)
        self.pin_open(file)
        return file

    def pin_open(self, file: File) -> None:
        """As ``pin``, for a file that is open."""
        self._pins[id(file)] = self._pins.get(id(file), 0) + 1

    def unpin(self, file: File) -> None:
        """Take one pin back."""
        count = self._pins.pop(id(file), 0)
        if count > 1:
            self._pins[id(file)] = count - 1
        elif (orphan := self._orphans.pop(id(file), None)) is not None:
            orphan.close()

    def hold(self, path: str, let_go: Callable[[], None]) -> File:
        """As ``pin``, until ``unhold``, or until too many are held: then ``let_go`` is called, which unholds it."""
        file = self.pin(path)
        self._held[id(file)] = let_go
        while len(self._held) > self._held_files_max:
            next(iter(self._held.values()))()
        return file

    def unhold(self, file: File) -> None:
        """End a ``hold``."""
        self._held.pop(id(file), None)
        self.unpin(file)

    def forget(self, path: str) -> None:
        """``path`` is about to be renamed or removed: close it, if it is pinned after the last ``unpin``."""
        file = self._open.pop(path, None)
        if file is None:
            return
        if id(file) in self._pins:
            self._orphans[id(file)] = file  # a worker thread may be syncing it
        else:
            file.close()

    def close(self) -> None:
        """Close every handle."""
        self._pins.clear()
        self._held.clear()
        while self._open:
            self._open.popitem()[1].close()
        while self._orphans:
            self._orphans.popitem()[1].close()

    def __len__(self) -> int:
        return len(self._open)

    def _add(self, path: str, *, create: bool) -> File:
        if len(self._open) >= self._open_files_max:
            self._evict(len(self._open) - self._open_files_max + 1)
        try:
            file = self.files.open(path, exclusive=create)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._evict(len(self._open) // 2 + 1):
                raise
            file = self.files.open(path, exclusive=create)
        self._open[path] = file
        return file

    def _evict(self, count: int) -> int:
        """Close up to ``count`` handles that are not pinned, those used longest ago first."""
        unpinned = (path for path, file in self._open.items() if id(file) not in self._pins)
        victims = list(islice(unpinned, count))
        for path in victims:
            self._open.pop(path).close()
        return len(victims)
