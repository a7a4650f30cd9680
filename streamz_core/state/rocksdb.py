"""The only door to RocksDB: one database per task, one column family per store.

Owns: how stores lie in RocksDB, the memory all databases of a process share, and the translation of
RocksDB's errors.
Must not know: caches, changelog topics, tasks, what the bytes mean.

In a column family, data keys are prefixed with ``d`` and the changelog position stands under ``p``:
one write batch goes to one memtable, so what survives a crash (the write-ahead log is off, the
changelog is the log) is data together with its position. The default column family holds the
format version and, by store, the identity of the changelog its position counts in.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
from typing import TYPE_CHECKING, Any, Final

import rocksdict

from streamz_core.errors import Misuse
from streamz_core.state.store import (
    NO_POSITION,
    StoreClosed,
    StoreCorrupt,
    StoreError,
    StoreLocked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from streamz_core.state.store import Change

    _Walk = Callable[[rocksdict.RdictIter, bytes, bytes, int], list[tuple[bytes, bytes]]]

_log = logging.getLogger(__name__)

FORMAT_VERSION: Final = 1
BATCH_RECORDS_MAX: Final = 10_000
"""RocksDB holds the interpreter lock while it writes a batch: 10,000 changes take about 4 ms."""
SCAN_ROWS_FIRST: Final = 32
SCAN_ROWS_MAX: Final = 2_048

_DATA: Final = b"d"
_DATA_END: Final = b"e"
_POSITION: Final = b"p"
_DEFAULT: Final = "default"
_FORMAT_KEY: Final = b"format"
_IDENTITY_PREFIX: Final = b"changelog:"


class StoreFailure(StoreError):
    """RocksDB could not do what was asked; the message says what and why."""


class MemoryBudget:
    """What all stores of a process may use together for blocks read and for writes not yet on disk."""

    def __init__(self, memory_bytes: int) -> None:
        """A quarter of ``memory_bytes`` may be taken by writes; it is taken off the block cache."""
        self.memory_bytes: Final = memory_bytes
        self.cache: Final = rocksdict.Cache(memory_bytes)
        self.write_buffers: Final = rocksdict.WriteBufferManager.new_write_buffer_manager_with_cache(
            memory_bytes // 4, False, self.cache
        )

    def used_bytes(self) -> int:
        """What the block cache, with the write buffers charged to it, holds now."""
        return self.cache.get_usage()


class RocksDatabase:
    """The stores of one task, in one directory that only this object may have open."""

    def __init__(
        self,
        path: str,
        stores: Mapping[str, str],
        budget: MemoryBudget,
        configure: Callable[[str, Any], None] | None = None,
    ) -> None:
        """Open or create the database at ``path``.

        ``configure(store, options)`` may change the ``rocksdict.Options`` that a store is opened with.

        ``stores`` maps each store's name to the identity of its changelog. A store whose recorded
        identity is another one is emptied: its position means nothing in the changelog it has now.
        Raises ``StoreCorrupt``, ``StoreLocked``, or ``StoreFailure`` naming the path.
        """
        self.path: Final = path
        self._budget = budget
        self._configure = configure
        self._stores: dict[str, RocksStore] = {}
        self._db = self._open(stores)
        try:
            self._check_format()
            for name, identity in stores.items():
                self._stores[name] = self._open_store(name, identity)
        except StoreError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise _translated(error, path) from error

    def store(self, name: str) -> RocksStore:
        """The store called ``name``."""
        return self._stores[name]

    def flush(self, *, wait: bool = True) -> None:
        """Make everything written so far survive the end of the process; without ``wait``, soon."""
        for store in self._stores.values():
            store.flush(wait=wait)

    def copy_to(self, path: str) -> None:
        """Make a consistent copy at ``path``, which must not exist; files that do not change are linked."""
        try:
            os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
            rocksdict.Checkpoint(self._db).create_checkpoint(path)
        except Exception as error:
            raise _translated(error, f"copying {self.path} to {path}") from error

    def close(self) -> None:
        """Close the stores and release the directory; closing again does nothing."""
        for store in self._stores.values():
            store.close()
        self._db.close()

    def _open(self, stores: Mapping[str, str]) -> rocksdict.Rdict:
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            # RocksDB wants every existing column family opened, those of stores long gone as well.
            exists = os.path.exists(os.path.join(self.path, "CURRENT"))
            present = rocksdict.Rdict.list_cf(self.path) if exists else []
            names = {_DEFAULT, *present, *stores}
            return rocksdict.Rdict(
                self.path, self._options(), column_families={name: self._options_of(name) for name in names}
            )
        except Misuse:
            raise
        except Exception as error:
            raise _translated(error, self.path) from error

    def _options_of(self, store: str) -> rocksdict.Options:
        options = self._options()
        if self._configure is not None and store != _DEFAULT:
            try:
                self._configure(store, options)
            except Exception as error:
                raise Misuse(f"rocksdb_config_setter failed for store {store!r}: {error!r}") from error
        return options

    def _options(self) -> rocksdict.Options:
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.create_missing_column_families(True)
        options.set_paranoid_checks(True)
        options.set_max_open_files(256)
        options.set_keep_log_file_num(2)
        options.set_write_buffer_size(min(16 << 20, max(1 << 20, self._budget.memory_bytes // 8)))
        options.set_write_buffer_manager(self._budget.write_buffers)
        table = rocksdict.BlockBasedOptions()
        table.set_block_cache(self._budget.cache)
        table.set_block_size(16 << 10)
        table.set_bloom_filter(10, False)
        # In the cache they would evict each other where a filter is larger than a cache shard.
        table.set_cache_index_and_filter_blocks(False)
        options.set_block_based_table_factory(table)
        return options

    def _check_format(self) -> None:
        version = self._db.get(_FORMAT_KEY)
        if version is None:
            self._db.put(_FORMAT_KEY, str(FORMAT_VERSION).encode())
        elif version != str(FORMAT_VERSION).encode():
            raise StoreFailure(
                f"the state in {self.path} has format {version.decode(errors='replace')}, this version reads "
                f"{FORMAT_VERSION}: upgrade, or delete the directory to rebuild the state from its changelogs"
            )

    def _open_store(self, name: str, identity: str) -> RocksStore:
        key, wanted = _IDENTITY_PREFIX + name.encode(), identity.encode()
        recorded = self._db.get(key)
        if recorded != wanted:
            if recorded is not None:
                _log.warning(
                    "state of store %s in %s belongs to changelog %s, not to %s: it is emptied and restored",
                    name, self.path, recorded.decode(errors="replace"), identity,
                )  # fmt: skip
                self._db.drop_column_family(name)
                self._db.create_column_family(name, self._options_of(name)).close()
            self._db.put(key, wanted)
        return RocksStore(self._db, name, self.path)


class RocksStore:
    """One column family, as a store."""

    def __init__(self, db: rocksdict.Rdict, name: str, path: str) -> None:
        """Use the column family ``name`` of ``db``; ``path`` is for messages."""
        self._db = db
        self._name = name
        self._where = f"store {name!r} in {path}"
        self._rows: rocksdict.Rdict | None = db.get_column_family(name)
        self._handle: rocksdict.ColumnFamily | None = db.get_column_family_handle(name)
        self._write_options = rocksdict.WriteOptions()
        # A property in the extension, a method in its type stubs.
        self._write_options.disable_wal = True  # type: ignore[method-assign, assignment]
        position = self._read(_POSITION)
        self._position = NO_POSITION if position is None else int(position)

    @property
    def name(self) -> str:
        """The store's name, for messages."""
        return self._name

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""
        value: bytes | None = self._read(_DATA + key)
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of ``keys``, in their order."""
        if not keys:
            return []
        values: list[bytes | None] = self._read([_DATA + key for key in keys])
        return values

    def scan(
        self, start: bytes = b"", stop: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries with ``start <= key < stop`` in key order, or in reverse.

        Rows are fetched in growing chunks and no iterator outlives its chunk: one that does would
        keep the directory locked after ``close``.
        """
        lower: bytes = _DATA + start
        upper: bytes = _DATA_END if stop is None else _DATA + stop
        rows_max = SCAN_ROWS_FIRST
        while True:
            rows = self._walk(_backward if reverse else _forward, lower, upper, rows_max)
            for key, value in rows:
                yield key[1:], value
            if len(rows) < rows_max:
                return
            last = rows[-1][0]
            lower, upper = (lower, last) if reverse else (last + b"\x00", upper)
            rows_max = min(rows_max * 2, SCAN_ROWS_MAX)

    def write(self, changes: Sequence[Change], position: int) -> None:
        """Apply ``changes``, sorted by key; with the last of them the position becomes ``position``."""
        if not changes and position == self._position:
            return
        self._open_rows()
        for first in range(0, max(1, len(changes)), BATCH_RECORDS_MAX):
            part = changes[first : first + BATCH_RECORDS_MAX]
            last = first + BATCH_RECORDS_MAX >= len(changes)
            self._write_batch(part, position if last else None)
        self._position = position

    def clear(self) -> None:
        """Forget all entries and the position."""
        self._open_rows()
        batch = rocksdict.WriteBatch(raw_mode=True)
        batch.delete_range(_DATA, _DATA_END, self._handle)
        batch.delete(_POSITION, self._handle)
        self._apply(batch)
        self._position = NO_POSITION

    def position(self) -> int:
        """The next changelog offset to apply; ``NO_POSITION`` before the first write."""
        return self._position

    def approximate_count(self) -> int:
        """About how many keys there are, as RocksDB estimates it."""
        count = self._open_rows().property_int_value("rocksdb.estimate-num-keys") or 0
        return max(0, count - 1)

    def flush(self, *, wait: bool = True) -> None:
        """Make what was written survive the end of the process; without ``wait``, soon."""
        try:
            self._open_rows().flush(wait)
        except Exception as error:
            raise _translated(error, self._where) from error

    def close(self) -> None:
        """Let go of the column family; the database is closed by its owner."""
        if self._rows is not None:
            self._rows.close()
        self._rows = None
        self._handle = None

    def _open_rows(self) -> rocksdict.Rdict:
        if self._rows is None:
            raise StoreClosed(f"{self._where} is closed: its partition was given up")
        return self._rows

    def _read(self, key: Any) -> Any:
        try:
            return self._open_rows().get(key)
        except StoreClosed:
            raise
        except Exception as error:
            raise _translated(error, self._where) from error

    def _write_batch(self, changes: Sequence[Change], position: int | None) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        batch.set_default_column_family(self._handle)
        put, delete = batch.put, batch.delete
        for key, value in changes:
            if value is None:
                delete(_DATA + key)
            else:
                put(_DATA + key, value)
        if position is not None:
            put(_POSITION, str(position).encode())
        self._apply(batch)

    def _apply(self, batch: rocksdict.WriteBatch) -> None:
        try:
            self._db.write(batch, self._write_options)
        except Exception as error:
            raise _translated(error, self._where) from error

    def _walk(self, walk: _Walk, lower: bytes, upper: bytes, rows_max: int) -> list[tuple[bytes, bytes]]:
        rows = self._open_rows().iter()
        try:
            found = walk(rows, lower, upper, rows_max)
            # An iterator that met damage may end like one that met the last row; its status differs.
            rows.status()
            return found
        except Exception as error:  # noqa: BLE001 - rocksdict raises nothing more specific
            failure = _translated(error, self._where)
        # Not from the error: its traceback would hold the iterator, and that one the directory's lock.
        del rows
        raise failure


def _forward(
    rows: rocksdict.RdictIter, lower: bytes, upper: bytes, rows_max: int
) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    rows.seek(lower)
    while len(found) < rows_max and rows.valid():
        key = rows.key()
        if key >= upper:
            return found
        found.append((key, rows.value()))
        rows.next()
    return found


def _backward(
    rows: rocksdict.RdictIter, lower: bytes, upper: bytes, rows_max: int
) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    rows.seek_for_prev(upper)
    if rows.valid() and rows.key() == upper:
        rows.prev()
    while len(found) < rows_max and rows.valid():
        key = rows.key()
        if key < lower:
            return found
        found.append((key, rows.value()))
        rows.prev()
    return found


def discard(path: str) -> None:
    """Delete the database at ``path``, which nobody has open; its changelogs can rebuild it."""
    shutil.rmtree(path, ignore_errors=True)


def copy(path: str, target: str) -> None:
    """Copy a database that nobody has open; ``target`` must not be there."""
    try:
        shutil.copytree(path, target)
    except OSError as error:
        raise StoreFailure(f"copying {path} to {target}: {error}") from error


def home(directory: str) -> str:
    """What tells a directory of databases from those of others, on this machine and elsewhere."""
    return f"{platform.node()}:{os.path.realpath(directory)}"


def databases(directory: str) -> list[str]:
    """The names of the databases in a directory, whether or not they can be opened."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if os.path.exists(os.path.join(directory, name, "CURRENT")))


def _translated(error: Exception, where: str) -> StoreError:
    message = str(error)
    if "lock" in message.lower() and "LOCK" in message:
        return StoreLocked(
            f"{where} is in use: {message}. One process may own a state directory; stop the other one"
        )
    if message.startswith("Corruption") or "No such file or directory" in message:
        return StoreCorrupt(f"{where} is damaged ({message}); it must be discarded and restored")
    return StoreFailure(f"{where}: {message}. Check the disk's space and permissions of the state directory")
