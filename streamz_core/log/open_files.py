"""Open handles, bounded.

Owns: which files of a data directory are open at the moment; closing the one used longest ago.
Must not know: what the files hold.

A pinned file (one with writes that are not synced yet) stays open, however many there are.
"""

from __future__ import annotations

import errno
from collections import OrderedDict
from typing import Final

from streamz_core.log.files import File, Files

OPEN_FILES_MAX: Final = 256


class OpenFiles:
    """Handles by path, opened on first use."""

    def __init__(self, files: Files, *, open_files_max: int = OPEN_FILES_MAX) -> None:
        self.files = files
        self._open: OrderedDict[str, File] = OrderedDict()
        self._pins: dict[str, int] = {}
        self._open_files_max = open_files_max

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
        """Keep ``path`` open until as many ``unpin`` calls came."""
        file = self.get(path)
        self._pins[path] = self._pins.get(path, 0) + 1
        return file

    def unpin(self, path: str) -> None:
        """Take one ``pin`` back."""
        count = self._pins.pop(path, 0)
        if count > 1:
            self._pins[path] = count - 1

    def forget(self, path: str) -> None:
        """Close ``path`` if it is open: it is about to be renamed or removed."""
        file = self._open.pop(path, None)
        self._pins.pop(path, None)
        if file is not None:
            file.close()

    def close(self) -> None:
        """Close every handle."""
        self._pins.clear()
        while self._open:
            self._open.popitem()[1].close()

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
        victims = [path for path in self._open if path not in self._pins][:count]
        for path in victims:
            self._open.pop(path).close()
        return len(victims)
