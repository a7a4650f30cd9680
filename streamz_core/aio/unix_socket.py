"""Unix sockets, by which processes of one user on one machine reach each other.

Owns: listening and connecting whatever the length of the path; who may connect: the user whose file it is.
Must not know: what is said.

A path of a Unix socket has 108 bytes at most. A longer one is reached by way of its open directory, which Linux
shows under ``/proc/self/fd``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH_BYTES_MAX: Final = 100
_MODE: Final = 0o600


def listen(path: str, backlog: int) -> socket.socket:
    """A listening socket at ``path``; one that an earlier owner has left there is taken away. Raises ``OSError``.

    Only for who knows, by a lock say, that nobody else listens there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        remove(path)
        with _reachable(path) as name:
            sock.bind(name)
            os.chmod(name, _MODE)
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def connected(path: str) -> socket.socket:
    """A socket connected to who listens at ``path``. Raises ``OSError`` at once where nobody does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _reachable(path) as name:
            sock.connect(name)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def remove(path: str) -> None:
    """Take the socket's file away."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


@contextlib.contextmanager
def _reachable(path: str) -> Iterator[str]:
    """A name for ``path`` that a socket can have."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX:
        yield path
        return
    if not hasattr(os, "O_PATH"):
        raise OSError(errno.ENAMETOOLONG, "the path is too long for a Unix socket", path)
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(path)}"
    finally:
        os.close(directory)
