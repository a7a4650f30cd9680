"""Where a repair puts what it replaces or removes.

Owns: ``<data>/lost+found/<time>/``, which mirrors the data directory.
Must not know: why something is put there. Nothing ever removes it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from streamz_core.log import file_copies
from streamz_core.log.directory import make_directory
from streamz_core.log.files import Files

NAME: Final = "lost+found"


class LostAndFound:
    """The copies of one run."""

    def __init__(self, files: Files, data_path: str, now_ms: int) -> None:
        stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H-%M-%S")
        self.path = f"{data_path}/{NAME}/{stamp}"
        self._files = files
        self._data_path = data_path

    def keep(self, path: str) -> None:
        """Keep a file that is about to lose its name."""
        if self._files.exists(path):
            target = self._place_for(path)
            file_copies.link_or_copy(self._files, path, target)
            self._sync(target)

    def keep_content(self, path: str) -> None:
        """Keep the content of a file that is about to be written to."""
        if self._files.exists(path):
            target = self._place_for(path)
            file_copies.copy(self._files, path, target)
            self._sync(target)

    def take(self, path: str) -> None:
        """Move a file or directory here."""
        if self._files.exists(path):
            target = self._place_for(path)
            self._files.rename(path, target)
            self._sync(target)
            self._files.sync_dir(path.rpartition("/")[0])

    def _place_for(self, path: str) -> str:
        target = self.path + path.removeprefix(self._data_path)
        make_directory(self._files, target.rpartition("/")[0])
        free, number = target, 1
        while self._files.exists(free):
            number += 1
            free = f"{target}.{number}"
        return free

    def _sync(self, target: str) -> None:
        self._files.sync_dir(target.rpartition("/")[0])
