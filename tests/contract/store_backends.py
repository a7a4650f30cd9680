"""Every store backend, as the suites over all of them use it: opened, reopened, crashed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Protocol

from streamz_core.state.memory import MemoryStore
from streamz_core.state.rocksdb import MemoryBudget, RocksDatabase
from streamz_core.state.store import Store

if TYPE_CHECKING:
    from pathlib import Path


class Backend(Protocol):
    def open(self) -> Store: ...
    def reopen(self) -> Store: ...
    def crash(self) -> Store: ...
    def close(self) -> None: ...


class MemoryBackend:
    def __init__(self, path: Path) -> None:
        self.store = MemoryStore("counts")

    def open(self) -> Store:
        return self.store

    def crash(self) -> Store:
        self.store.close()
        self.store = MemoryStore("counts")
        return self.store

    reopen = crash

    def close(self) -> None:
        self.store.close()


class RocksBackend:
    """A crash is a copy of the files as they are while the database is open: nothing was flushed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.crashes = 0
        self.budget = MemoryBudget(8 << 20)
        self.database = self._open()

    def _open(self) -> RocksDatabase:
        return RocksDatabase(
            str(self.path / f"db{self.crashes}"), {"counts": "t1", "other": "t2"}, self.budget
        )

    def open(self) -> Store:
        return self.database.store("counts")

    def reopen(self) -> Store:
        self.database.flush()
        self.database.close()
        self.database = self._open()
        return self.open()

    def crash(self) -> Store:
        before = self.path / f"db{self.crashes}"
        self.crashes += 1
        shutil.copytree(before, self.path / f"db{self.crashes}")
        self.database.close()
        self.database = self._open()
        return self.open()

    def close(self) -> None:
        self.database.close()


BACKENDS = [MemoryBackend, RocksBackend]
NAMES = ["memory", "rocksdb"]
