"""``StoreView``: a store read from anywhere, over all its partitions in this process.

Owns: which partition a key is looked for in, putting partitions together, and saying what cannot be read now.
Must not know: how stores lie in bytes, what tasks do.

What is read is what is committed: results of records that may still be undone are never seen. A scan goes
on over commits, and shows each entry as it is when the scan comes by.
"""

from __future__ import annotations

from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.serde.stamped import StampedCodec
from streamz_core.state.committed import (
    Entry,
    KeyValueReader,
    SessionReader,
    SetReader,
    VersionedReader,
    WindowReader,
)
from streamz_core.state.store import prefix_end
from streamz_core.streams.runtime.subscriptions import StoreUpdate
from streamz_core.streams.topology import StoreKind
from streamz_core.streams.windowed_key import Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from streamz_core.state.store import Change
    from streamz_core.state.versioned import VersionedRecord
    from streamz_core.streams.runtime.store_parts import StoreParts
    from streamz_core.streams.runtime.subscriptions import Subscription, Subscriptions
    from streamz_core.streams.topology import StoreSpec

FOREVER_MS: Final = 2**63 - 1
_by_order: Final = attrgetter("order")


class StoreView:
    """A store of a running app, to read; made by ``app.store(name)``.

    >>> counts = app.store("counts")                     # doctest: +SKIP
    >>> counts.get("/home"), counts.approximate_count()  # doctest: +SKIP
    (17, 40)

    Every call raises ``StoreUnavailable`` where a partition it needs cannot be read at this moment.
    """

    def __init__(
        self,
        spec: StoreSpec,
        parts: StoreParts,
        subscriptions: Subscriptions,
        *,
        timestamps: bool,
    ) -> None:
        """``timestamps``: values of tables are pairs of value and time, instead of the value alone."""
        self.name: Final = spec.name
        self._spec = spec
        self._parts = parts
        self._partitions = parts.count
        self._subscriptions = subscriptions
        self._is_stamped = isinstance(spec.value_codec, StampedCodec) or spec.kind is StoreKind.VERSIONED
        self._strips = self._is_stamped and not timestamps

    @property
    def has_timestamps(self) -> bool:
        """Whether it is a table's, which has a time beside every value."""
        return self._is_stamped

    # -- by key -------------------------------------------------------------------------------------

    def get(self, key: Any, as_of: int | None = None, default: Any = None) -> Any:
        """The value of ``key``, or ``default``. Of a versioned store, that which was valid at ``as_of``."""
        if as_of is not None:
            found = self.version(key, as_of)
            return default if found is None else self._plain(found[:2])
        (value,) = self.get_many([key])
        return default if value is None else value

    def partition_of(self, key: Any) -> int:
        """The partition that ``key`` falls into by Kafka's partitioner."""
        return partition_for(self._code(key), self._partitions)

    def get_many(self, keys: Sequence[Any]) -> list[Any]:
        """The values of ``keys``, in their order; None where there is none."""
        self._refuse_kinds(StoreKind.WINDOW, StoreKind.SESSION, StoreKind.JOIN, instead="fetch")
        codes = [self._code(key) for key in keys]
        found: list[Any] = [None] * len(codes)
        for partition in range(self._partitions):
            wanted = [n for n, code in enumerate(codes) if partition_for(code, self._partitions) == partition]
            if wanted:
                values = self._reader(partition).get_many([codes[n] for n in wanted])
                for n, value in zip(wanted, values, strict=True):
                    found[n] = value
        self._look_elsewhere(codes, found)
        return [self._plain(value) for value in found]

    def version(self, key: Any, as_of: int | None = None) -> VersionedRecord | None:
        """Of a versioned store: the version that was valid at ``as_of``, or the newest."""
        self._only_kinds("version", StoreKind.VERSIONED)
        found: VersionedRecord | None = self._first(key, lambda reader: reader.get(key, as_of))
        return found

    def history(self, key: Any, start: int | None = None, stop: int | None = None) -> list[VersionedRecord]:
        """Of a versioned store: the versions valid at some time from ``start`` to before ``stop``, newest first."""
        self._only_kinds("history", StoreKind.VERSIONED)
        return self._first(key, lambda reader: reader.history(key, start, stop)) or []

    def __contains__(self, key: Any) -> bool:
        """Whether ``key`` has a value."""
        return self.get(key) is not None

    # -- by range -----------------------------------------------------------------------------------

    def all(self, *, reverse: bool = False) -> Iterator[tuple[Any, Any]]:
        """All entries, in the order of their encoded keys or in reverse."""
        return self._scan(b"", None, reverse=reverse)

    def range(
        self, start: Any = None, stop: Any = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Entries from the key ``start`` to before the key ``stop``, by their bytes; None: no bound."""
        lower = b"" if start is None else self._code(start)
        return self._scan(lower, None if stop is None else self._code(stop), reverse=reverse)

    def prefix(self, prefix: Any, *, reverse: bool = False) -> Iterator[tuple[Any, Any]]:
        """Entries whose encoded keys begin with ``prefix``: bytes, or a key that is encoded."""
        lower = prefix if isinstance(prefix, bytes) else self._code(prefix)
        return self._scan(lower, prefix_end(lower), reverse=reverse)

    def approximate_count(self) -> int:
        """About how many entries there are, as the stores estimate it."""
        for partition in range(self._partitions):
            self._parts.check(partition)
        return sum(self._parts.backend(n).approximate_count() for n in range(self._partitions))

    # -- by window ----------------------------------------------------------------------------------

    def fetch(self, key: Any, start: int = 0, stop: int = FOREVER_MS) -> list[tuple[Window, Any]]:
        """The windows of ``key`` that start from ``start`` to before ``stop``, oldest first, with their values.

        Of a session store: the sessions that have something of that time.
        """
        self._only_kinds("fetch", StoreKind.WINDOW, StoreKind.SESSION)
        code = self._code(key)
        found = self._first(key, lambda reader: list(reader.fetch(code, start, stop))) or []
        return [(self._window(*row[:-1]), self._plain(row[-1])) for row in found]

    def fetch_all(self, start: int = 0, stop: int = FOREVER_MS) -> Iterator[tuple[Windowed, Any]]:
        """The same of all keys, by the bytes they are stored under."""
        self._only_kinds("fetch_all", StoreKind.WINDOW, StoreKind.SESSION)
        readers = [self._reader(partition) for partition in range(self._partitions)]
        for entry in merge(*(reader.fetch_all(start, stop) for reader in readers), key=_by_order):
            yield self._windowed(entry.key), self._plain(entry.value)

    # -- changes ------------------------------------------------------------------------------------

    def subscribe(self, key: Any = None) -> Subscription:
        """An async iterator over what is committed from now on, of all keys or of one: ``StoreUpdate``.

        An entry that ends by itself, or a window that is dropped, is told as a deletion when it is deleted.
        Commits whose outcome was only learned after a failure are not told: read the store to be sure.
        """
        self._refuse_kinds(StoreKind.JOIN, instead="")

        def decode(partition: int, changes: Sequence[Change]) -> Iterable[StoreUpdate]:
            for entry in self._make_reader(partition).entries(changes):
                found = entry.key
                if self._spec.kind in (StoreKind.WINDOW, StoreKind.SESSION):
                    found = self._windowed(entry.key)
                of = found.key if isinstance(found, Windowed) else found
                if key is None or of == key or (self._spec.kind is StoreKind.SET and of[0] == key):
                    yield StoreUpdate(found, self._plain(entry.value), partition)

        return self._subscriptions.open(self.name, decode)

    # -- partitions ---------------------------------------------------------------------------------

    def _scan(self, lower: bytes, upper: bytes | None, *, reverse: bool) -> Iterator[tuple[Any, Any]]:
        self._refuse_kinds(StoreKind.WINDOW, StoreKind.SESSION, StoreKind.JOIN, instead="fetch_all")
        readers = [self._reader(partition) for partition in range(self._partitions)]
        scans = [reader.scan(lower, upper, reverse=reverse) for reader in readers]
        found: Iterable[Entry] = merge(*scans, key=_by_order, reverse=reverse) if len(scans) > 1 else scans[0]
        return ((entry.key, self._plain(entry.value)) for entry in found)

    def _first(self, key: Any, ask: Callable[[Any], Any]) -> Any:
        """The first answer that is one, the partition that the key falls into asked first."""
        likely = partition_for(self._code(key), self._partitions)
        for partition in (likely, *(n for n in range(self._partitions) if n != likely)):
            found = ask(self._reader(partition))
            if found is not None and found != []:
                return found
        return None

    def _look_elsewhere(self, codes: Sequence[bytes], found: list[Any]) -> None:
        """Keys need not be where their bytes say: whoever wrote the records may have chosen otherwise."""
        for partition in range(self._partitions if self._partitions > 1 else 0):
            missing = [n for n, value in enumerate(found) if value is None]
            values = self._reader(partition).get_many([codes[n] for n in missing]) if missing else []
            for n, value in zip(missing, values, strict=True):
                found[n] = value

    def _reader(self, partition: int) -> Any:
        self._parts.check(partition)
        return self._make_reader(partition)

    def _make_reader(self, partition: int) -> Any:
        spec, backend = self._spec, self._parts.backend(partition)
        codecs = (spec.key_codec, spec.value_codec)
        if spec.kind is StoreKind.VERSIONED:
            return VersionedReader(backend, *codecs, spec.retention_ms or 0)
        if spec.kind is StoreKind.WINDOW:
            return WindowReader(backend, *codecs)
        if spec.kind is StoreKind.SESSION:
            return SessionReader(backend, *codecs)
        if spec.kind is StoreKind.SET:
            return SetReader(backend, *codecs)
        now_ms = self._parts.time_ms(partition) if spec.expires else None
        return KeyValueReader(backend, *codecs, now_ms=now_ms, ttl_ms=spec.ttl_ms)

    # -- keys and values ----------------------------------------------------------------------------

    def _code(self, key: Any) -> bytes:
        code = self._spec.key_codec.encode(key)
        if code is None:
            raise Misuse(f"store {self.name!r} has no key {key!r}: it encodes to nothing")
        return code

    def _plain(self, value: Any) -> Any:
        return value[0] if self._strips and value is not None else value

    def _window(self, start: int, end: int | None = None) -> Window:
        if end is None:
            spec = self._spec
            end = (
                spec.window_end(start) if spec.window_end is not None else start + (spec.window_size_ms or 0)
            )
        return Window(start, end)

    def _windowed(self, key: tuple[Any, ...]) -> Windowed:
        return Windowed(key[-1], self._window(*key[:-1]))

    def _refuse_kinds(self, *kinds: StoreKind, instead: str) -> None:
        if self._spec.kind in kinds:
            what = f"; use {instead}()" if instead and self._spec.kind is not StoreKind.JOIN else ""
            raise Misuse(f"store {self.name!r} is a {self._spec.kind.value} store{what}")

    def _only_kinds(self, what: str, *kinds: StoreKind) -> None:
        if self._spec.kind not in kinds:
            allowed = " and ".join(kind.value for kind in kinds)
            raise Misuse(
                f"{what}() is for {allowed} stores; {self.name!r} is a {self._spec.kind.value} store"
            )
