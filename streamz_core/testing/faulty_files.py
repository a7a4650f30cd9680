"""A file system that refuses on demand.

Owns: ``FaultyFiles``, which passes every call on to other files and makes the k-th call of a kind
fail, once or from then on; ``FAULTS``, the ways real disks and systems fail.
Must not know: who calls, or what should happen then.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from streamz_core.log.files import sync_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.log.files import Buffer, File, Files, Lock

_SPACE: Final = frozenset({"write_at", "allocate", "create", "mkdir", "rename", "link"})
_WRITES: Final = _SPACE | {"truncate"}
_OPENS: Final = frozenset({"open", "create", "listdir", "sync_dir", "lock"})
_CHANGES: Final = _WRITES | {"unlink", "rmdir", "lock"}
_NAMES: Final = _OPENS | {"mkdir", "rename", "link", "unlink", "rmdir", "size", "size_of"}
_SYNCS: Final = frozenset({"datasync", "sync_dir"})
_ALL: Final = _CHANGES | _OPENS | {"read_at", "size", "size_of", "datasync"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail: ``calls`` says which calls it strikes."""

    name: str
    errno: int
    calls: frozenset[str]
    is_partial: bool = False
    """A write leaves its first half behind before it fails."""
    loses_sync: bool = False
    """A failed sync drops what was not on the disk yet; the next sync succeeds and means nothing."""


FAULTS: Final = (
    Fault("disk full", errno.ENOSPC, _SPACE),
    Fault("disk full in the middle of a write", errno.ENOSPC, frozenset({"write_at"}), is_partial=True),
    Fault("quota used up in the middle of a write", errno.EDQUOT, _SPACE, is_partial=True),
    Fault("I/O error on read", errno.EIO, frozenset({"read_at"})),
    Fault("I/O error on write", errno.EIO, frozenset({"write_at", "allocate", "truncate"}), is_partial=True),
    Fault("I/O error on names", errno.EIO, _NAMES),
    Fault("I/O error on sync", errno.EIO, _SYNCS, loses_sync=True),
    Fault("disk full on sync", errno.ENOSPC, _SYNCS, loses_sync=True),
    Fault("too many open files", errno.EMFILE, _OPENS),
    Fault("too many open files in the whole system", errno.ENFILE, _OPENS),
    Fault("read-only file system", errno.EROFS, _CHANGES),
    Fault("interrupted call", errno.EINTR, _ALL),
)
"""The ways to fail that tests go through."""


@runtime_checkable
class _Forgetful(Protocol):
    def lose_sync(self) -> None: ...


class FaultyFiles:
    """``inner`` with one fault.

    The ``at_call``-th call that the fault strikes (from 1) fails; with ``persistent`` every later one
    too, until ``heal``. ``calls`` counts those calls, so a run with ``at_call=0`` tells how many there are.

    Example::

        files = FaultyFiles(MemoryFiles(), FAULTS[0], at_call=7)
    """

    def __init__(self, inner: Files, fault: Fault, at_call: int, *, persistent: bool = False) -> None:
        self._inner = inner
        self.fault = fault
        self._at_call = at_call
        self._persistent = persistent
        self._healed = False
        self.calls = 0
        self.strikes: list[str] = []
        """The calls that failed, as ``call path``."""

    def heal(self) -> None:
        """Let every later call succeed."""
        self._healed = True

    def strikes_now(self, call: str, path: str) -> bool:
        """Count a call; whether it has to fail."""
        if self._healed or call not in self.fault.calls:
            return False
        self.calls += 1
        due = self.calls == self._at_call or (self._persistent and 0 < self._at_call < self.calls)
        if due:
            self.strikes.append(f"{call} {path}")
        return due

    def refusal(self, path: str) -> OSError:
        """The error a struck call raises."""
        return OSError(self.fault.errno, os.strerror(self.fault.errno), path)

    def _check(self, call: str, path: str) -> None:
        if self.strikes_now(call, path):
            raise self.refusal(path)

    @property
    def blocks(self) -> bool:
        """As the inner files do."""
        return self._inner.blocks

    def open(
        self, path: str, *, create: bool = False, exclusive: bool = False, read_only: bool = False
    ) -> File:
        """Open; making a file that is not there counts as ``create``."""
        makes = (create or exclusive) and not self._inner.exists(path)
        self._check("create" if makes else "open", path)
        file = self._inner.open(path, create=create, exclusive=exclusive, read_only=read_only)
        return FaultyFile(self, file, path)

    def exists(self, path: str) -> bool:
        """Never fails: it does not on real systems either."""
        return self._inner.exists(path)

    def listdir(self, path: str) -> list[str]:
        """The names in a directory."""
        self._check("listdir", path)
        return self._inner.listdir(path)

    def size_of(self, path: str) -> int:
        """Bytes in a file."""
        self._check("size_of", path)
        return self._inner.size_of(path)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        self._check("mkdir", path)
        self._inner.mkdir(path)

    def rename(self, old: str, new: str) -> None:
        """Move a name."""
        self._check("rename", old)
        self._inner.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name."""
        self._check("link", old)
        self._inner.link(old, new)

    def unlink(self, path: str) -> None:
        """Remove a file's name."""
        self._check("unlink", path)
        self._inner.unlink(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        self._check("rmdir", path)
        self._inner.rmdir(path)

    def sync_dir(self, path: str) -> None:
        """Make the names in a directory certain."""
        self._check("sync_dir", path)
        self._inner.sync_dir(path)

    def sync_all(self, files: Sequence[str], directories: Sequence[str]) -> None:
        """Sync each by itself."""
        sync_each(self, files, directories)

    def lock(self, path: str) -> Lock:
        """Hold a lock file."""
        self._check("lock", path)
        return self._inner.lock(path)

    def free_bytes(self, path: str) -> int:
        """Nothing while the disk is full."""
        return (
            0
            if self.fault.errno == errno.ENOSPC and self.strikes and not self._healed
            else self._inner.free_bytes(path)
        )

    def real_path(self, path: str) -> str:
        """As the inner files do."""
        return self._inner.real_path(path)


class FaultyFile:
    """An open file of a ``FaultyFiles``."""

    def __init__(self, files: FaultyFiles, inner: File, path: str) -> None:
        self._files = files
        self._inner = inner
        self._path = path

    def read_at(self, position: int, size: int) -> bytes:
        """Read."""
        self._check("read_at")
        return self._inner.read_at(position, size)

    def write_at(self, position: int, data: Buffer | Sequence[Buffer]) -> None:
        """Write; a partial fault leaves the first half behind."""
        if self._files.strikes_now("write_at", self._path):
            if self._files.fault.is_partial:
                whole = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b"".join(data)
                self._inner.write_at(position, whole[: len(whole) // 2])
            raise self._files.refusal(self._path)
        self._inner.write_at(position, data)

    def size(self) -> int:
        """Bytes in the file."""
        self._check("size")
        return self._inner.size()

    def truncate(self, size: int) -> None:
        """Cut or extend."""
        self._check("truncate")
        self._inner.truncate(size)

    def allocate(self, size: int) -> None:
        """Take space."""
        self._check("allocate")
        self._inner.allocate(size)

    def datasync(self) -> None:
        """Make the content certain, or lose what was not."""
        if self._files.strikes_now("datasync", self._path):
            if self._files.fault.loses_sync and isinstance(self._inner, _Forgetful):
                self._inner.lose_sync()
            raise self._files.refusal(self._path)
        self._inner.datasync()

    def close(self) -> None:
        """Never fails: what a close could report, the sync before it has reported."""
        self._inner.close()

    def _check(self, call: str) -> None:
        if self._files.strikes_now(call, self._path):
            raise self._files.refusal(self._path)
