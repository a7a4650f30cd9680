"""Owns: files in memory that refuse to replace one another while a test says so."""

import errno
import os

from streamz_core.log.memory_files import MemoryFiles


class RefusingFiles(MemoryFiles):
    """As ``MemoryFiles``; ``is_full``: nothing gets a new name."""

    is_full = False

    def rename(self, old: str, new: str) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), new)
        super().rename(old, new)
