"""Second copies of files: by a hard link where that is enough, else byte for byte.

Owns: how a file is copied so that the copy is durable; which refusals of a link mean "copy instead".
Must not know: what is copied, or why.
"""

from __future__ import annotations

import errno
from typing import Final

from streamz_core.log.files import Files
from streamz_core.progress import UNHEARD, Progress

_COPY_BYTES: Final = 1 << 20
_NO_LINKS: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP})


def copy(
    files: Files,
    source: str,
    target: str,
    size_bytes: int | None = None,
    *,
    progress: Progress = UNHEARD,
) -> None:
    """Copy a file, or its first ``size_bytes``; the content is durable, the name not yet.

    Raises ``FileExistsError`` where there is a ``target``, ``EOFError`` where ``source`` is shorter than asked.
    """
    reading = files.open(source, read_only=True)
    try:
        wanted = reading.size() if size_bytes is None else size_bytes
        writing = files.open(target, exclusive=True)
        try:
            position = 0
            while position < wanted:
                data = reading.read_at(position, min(_COPY_BYTES, wanted - position))
                if not data:
                    raise EOFError(f"{source} ends at byte {position}, {wanted} were asked for")
                writing.write_at(position, data)
                position += len(data)
                progress.add(len(data))
            writing.datasync()
        finally:
            writing.close()
    finally:
        reading.close()


def write(files: Files, path: str, data: bytes) -> None:
    """Make a file; its content is durable, its name not yet. Raises ``FileExistsError``."""
    file = files.open(path, exclusive=True)
    try:
        file.write_at(0, data)
        file.datasync()
    finally:
        file.close()


def link_or_copy(files: Files, source: str, target: str, *, progress: Progress = UNHEARD) -> bool:
    """Give a file, synced and never written again, a second name, or copy it; whether it was linked."""
    try:
        files.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        copy(files, source, target, progress=progress)
        return False
    progress.add(files.size_of(target))
    return True


def remove_tree(files: Files, path: str) -> None:
    """Remove a directory and all in it."""
    for name in files.listdir(path):
        below = f"{path}/{name}"
        if is_directory(files, below):
            remove_tree(files, below)
        else:
            files.unlink(below)
    files.rmdir(path)


def is_directory(files: Files, path: str) -> bool:
    """Whether ``path`` is a directory."""
    try:
        files.listdir(path)
    except (NotADirectoryError, FileNotFoundError):
        return False
    return True
