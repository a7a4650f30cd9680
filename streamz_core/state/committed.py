"""Reading what is committed in one partition of a store, by the store's kind, from anywhere.

Owns: where entries lie that the stores of each kind have written, and what of it is an entry.
Must not know: tasks, partitions, who asks.

Readers look at the store's bytes, never at its cache: what a task has changed and not committed is not seen,
and nothing that is read here costs the task its place in a cache.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.serde.composed import escaped, parts, prefix
from streamz_core.serde.failure import DecodeFailure
from streamz_core.serde.stamped import expiry
from streamz_core.serde.versions import LATEST, VersionCodec
from streamz_core.state.expiring import MARK
from streamz_core.state.sets import PairCodec
from streamz_core.state.store import StoreUndecodable, prefix_end
from streamz_core.state.versioned import VersionedStore
from streamz_core.state.windowed import MARKS_KEY, START_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamz_core.state.store import Change, Codec, Store
    from streamz_core.state.versioned import VersionedRecord

_ROWS: Final = 256
"""Rows decoded together."""
_SPAN_BYTES: Final = 2 * START_BYTES
_NO_KEY: Final[Any] = object()


class Entry(NamedTuple):
    """A key, its value (None: it was deleted), and the bytes that entries are ordered by."""

    order: bytes
    key: Any
    value: Any


class KeyValueReader:
    """Key-value stores of all kinds. ``now_ms`` is the store's time: what ended before it is not there."""

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        now_ms: int | None = None,
        ttl_ms: int | None = None,
    ) -> None:
        """``now_ms`` None: entries do not end."""
        self._store = store
        self._keys = key_codec
        self._values = value_codec
        self._now_ms = now_ms
        self._ttl_ms = ttl_ms

    def get_many(self, keys: Sequence[bytes]) -> list[Any]:
        """The values of encoded keys, None where there is none."""
        raw = [None if self._has_ended(data) else data for data in self._store.get_many(keys)]
        return [checked(self._store, value) for value in self._values.decode(raw)]

    def scan(self, lower: bytes, upper: bytes | None, *, reverse: bool = False) -> Iterator[Entry]:
        """Entries between encoded keys, in their order or in reverse."""
        rows = self._store.scan(lower, upper, reverse=reverse)
        while part := list(islice(rows, _ROWS)):
            yield from self.entries(part)
            if len(part) < _ROWS:
                return

    def entries(self, rows: Sequence[Change]) -> Iterator[Entry]:
        """Stored rows, decoded; those without value are deletions."""
        kept = [row for row in rows if row[0] != MARK and not self._has_ended(row[1])]
        keys = self._keys.decode([key for key, _ in kept])
        values = self._values.decode([value for _, value in kept])
        for (order, _), key, value in zip(kept, keys, values, strict=True):
            yield Entry(order, checked(self._store, key), checked(self._store, value))

    def _has_ended(self, data: bytes | None) -> bool:
        if data is None or self._now_ms is None:
            return False
        ends_ms = expiry(data, self._ttl_ms)
        return ends_ms is not None and ends_ms <= self._now_ms


class VersionedReader:
    """Versioned stores: the newest versions, and those valid at a time."""

    def __init__(self, store: Store, key_codec: Codec, value_codec: Codec, retention_ms: int) -> None:
        """``retention_ms`` is how long history is kept."""
        self._store = store
        self._keys = key_codec
        self._codecs = (key_codec, value_codec)
        self._versions = VersionCodec(value_codec)
        self._retention_ms = retention_ms

    def get(self, key: Any, as_of: int | None) -> VersionedRecord | None:
        """The version that was valid at ``as_of``, or the newest."""
        return self._fresh().get(key, as_of)

    def history(self, key: Any, start: int | None, stop: int | None) -> list[VersionedRecord]:
        """The versions of a key that were valid between two times, newest first."""
        return self._fresh().history(key, start, stop)

    def get_many(self, keys: Sequence[bytes]) -> list[Any]:
        """The newest versions of encoded keys, as pairs of value and time."""
        found = self._versions.decode(self._store.get_many([LATEST + key for key in keys]))
        return [None if pair is None or checked(self._store, pair)[0] is None else pair for pair in found]

    def scan(self, lower: bytes, upper: bytes | None, *, reverse: bool = False) -> Iterator[Entry]:
        """The newest versions between encoded keys."""
        stop = prefix_end(LATEST) if upper is None else LATEST + upper
        rows = self._store.scan(LATEST + lower, stop, reverse=reverse)
        while part := list(islice(rows, _ROWS)):
            yield from (entry for entry in self.entries(part) if entry.value is not None)
            if len(part) < _ROWS:
                return

    def entries(self, rows: Sequence[Change]) -> Iterator[Entry]:
        """The newest versions among stored rows."""
        latest = [row for row in rows if row[0][:1] == LATEST]
        keys = self._keys.decode([key[1:] for key, _ in latest])
        values = self._versions.decode([value for _, value in latest])
        for (order, _), key, pair in zip(latest, keys, values, strict=True):
            found = checked(self._store, pair)
            value = None if found is None or found[0] is None else found
            yield Entry(order[1:], checked(self._store, key), value)

    def _fresh(self) -> VersionedStore:
        return VersionedStore(self._store, *self._codecs, retention_ms=self._retention_ms)


class WindowReader:
    """Window stores: the key of an entry is a pair of a window's start and the key."""

    def __init__(self, store: Store, key_codec: Codec, value_codec: Codec) -> None:
        """Read what ``WindowedStore`` has written."""
        self._store = store
        self._keys = key_codec
        self._values = value_codec

    def fetch(self, key: bytes, start: int, stop: int) -> Iterator[tuple[int, Any]]:
        """The windows of an encoded key that start from ``start`` to before ``stop``, with their values."""
        found = start
        while found < stop:
            # One seek per window that is there, whoever's it is.
            row = next(self._store.scan(_packed(found), min(_packed(stop), MARKS_KEY)), None)
            if row is None:
                return
            found = int.from_bytes(row[0][:START_BYTES], "big")
            raw = self._store.get(_packed(found) + key)
            if raw is not None:
                yield found, checked(self._store, self._values.decode([raw])[0])
            found += 1

    def fetch_all(self, start: int, stop: int) -> Iterator[Entry]:
        """All entries of windows that start from ``start`` to before ``stop``, by window and key."""
        rows = self._store.scan(_packed(start), min(_packed(stop), MARKS_KEY))
        while part := list(islice(rows, _ROWS)):
            yield from self.entries(part)
            if len(part) < _ROWS:
                return

    def entries(self, rows: Sequence[Change]) -> Iterator[Entry]:
        """Stored rows, decoded; their keys are pairs of start and key."""
        kept = [row for row in rows if row[0] != MARKS_KEY]
        keys = self._keys.decode([key[START_BYTES:] for key, _ in kept])
        values = self._values.decode([value for _, value in kept])
        for (order, _), key, value in zip(kept, keys, values, strict=True):
            start = int.from_bytes(order[:START_BYTES], "big")
            yield Entry(order, (start, checked(self._store, key)), checked(self._store, value))


class SessionReader:
    """Session stores: the key of an entry is a triple of start, end and key."""

    def __init__(self, store: Store, key_codec: Codec, value_codec: Codec) -> None:
        """Read what ``SessionStore`` has written."""
        self._store = store
        self._keys = key_codec
        self._values = value_codec

    def fetch(self, key: bytes, start: int, stop: int) -> Iterator[tuple[int, int, Any]]:
        """The spans of an encoded key that have something of the time from ``start`` to before ``stop``."""
        size = len(key) + _SPAN_BYTES
        rows = (row for row in self._store.scan(key, prefix_end(key)) if len(row[0]) == size)
        for entry in self.entries(list(rows)):
            span_start, end, _ = entry.key
            if span_start < stop and end >= start:
                yield span_start, end, entry.value

    def fetch_all(self, start: int, stop: int) -> Iterator[Entry]:
        """The same of all keys, by the bytes of the key."""
        rows = self._store.scan()
        while part := list(islice(rows, _ROWS)):
            for entry in self.entries(part):
                if entry.key[0] < stop and entry.key[1] >= start:
                    yield entry
            if len(part) < _ROWS:
                return

    def entries(self, rows: Sequence[Change]) -> Iterator[Entry]:
        """Stored rows, decoded; their keys are triples of start, end and key."""
        kept = [row for row in rows if len(row[0]) >= _SPAN_BYTES]
        keys = self._keys.decode([key[:-_SPAN_BYTES] for key, _ in kept])
        values = self._values.decode([value for _, value in kept])
        for (order, _), key, value in zip(kept, keys, values, strict=True):
            end = int.from_bytes(order[-_SPAN_BYTES:-START_BYTES], "big")
            start = int.from_bytes(order[-START_BYTES:], "big")
            yield Entry(order, (start, end, checked(self._store, key)), checked(self._store, value))


class SetReader:
    """Stores of sets."""

    def __init__(self, store: Store, key_codec: Codec, member_codec: Codec) -> None:
        """Read what ``SetStore`` has written."""
        self._store = store
        self._pairs = PairCodec(key_codec, member_codec)

    def get_many(self, keys: Sequence[bytes]) -> list[Any]:
        """The sets of encoded keys, None where one has no members."""
        return [self._members(prefix(key)) or None for key in keys]

    def scan(self, lower: bytes, upper: bytes | None, *, reverse: bool = False) -> Iterator[Entry]:
        """Sets between encoded keys, in their order or in reverse."""
        stop = None if upper is None else escaped(upper)
        current, members, order = _NO_KEY, set[Any](), b""
        for row in self._store.scan(escaped(lower), stop, reverse=reverse):
            for entry in self.entries([row]):
                key, member = entry.key
                if key != current:
                    if members:
                        yield Entry(order, current, members)
                    current, members, order = key, set(), parts(row[0])[0]
                members.add(member)
        if members:
            yield Entry(order, current, members)

    def entries(self, rows: Sequence[Change]) -> Iterator[Entry]:
        """Stored rows, decoded: pairs of key and member; the value is whether the member is in the set."""
        pairs = self._pairs.decode([key for key, _ in rows])
        for (order, value), pair in zip(rows, pairs, strict=True):
            yield Entry(order, checked(self._store, pair), None if value is None else True)

    def _members(self, first: bytes) -> set[Any]:
        rows = self._store.scan(first, prefix_end(first))
        return {entry.key[1] for entry in self.entries(list(rows))}


def checked(store: Store, value: Any) -> Any:
    """``value``; raises ``StoreUndecodable`` for what did not decode, naming the store."""
    if type(value) is DecodeFailure:
        raise StoreUndecodable(
            f"store {store.name!r} holds an entry that does not decode: {value.error}. If its type was changed, "
            "give the store a new name or reset the app"
        ) from value.error
    return value


def _packed(start: int) -> bytes:
    return min(max(start, 0), 2**63 - 1).to_bytes(START_BYTES, "big")
