"""Disk space that is set aside for when there is no other left.

Owns: the ``reserve`` file of a data directory: taking its space, and giving it back to the file system.
Must not know: when that is done.

A full disk must not keep anyone from committing offsets, deleting records or opening the directory: all of which
write a little.
"""

from __future__ import annotations

from typing import Final

from streamz_core.log import layout
from streamz_core.log.files import Files

RESERVE_BYTES: Final = 1 << 20


def take(files: Files, path: str) -> bool:
    """Set the space aside in the data directory ``path``; False where there is not as much."""
    file = None
    try:
        file = files.open(f"{path}/{layout.RESERVE_FILE}", create=True)
        if file.size() < RESERVE_BYTES:
            file.write_at(0, bytes(RESERVE_BYTES))  # written, not only promised: zeros take their blocks
            file.datasync()
    except OSError:
        if file is not None:
            file.close()
        release(files, path)
        return False
    file.close()
    return True


def release(files: Files, path: str) -> bool:
    """Give the space back; whether there was any."""
    try:
        files.unlink(f"{path}/{layout.RESERVE_FILE}")
    except OSError:
        return False
    return True
