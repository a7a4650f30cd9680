"""``CachedStore``: a write-back cache of decoded values in front of a store.

Owns: which values are in memory, which of them are not yet in the store, and the changes of a
commit: one per changed key, however often it changed.
Must not know: changelog topics, transactions, windows.

A commit has two steps, with the changelog's commit between them: ``collect`` hands out what
changed, ``committed`` writes the very same changes with the changelog's new position. What is put
between the two belongs to the next commit. ``discard`` goes back to the store.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.entry_account import EntryAccount
from streamz_core.state.key_value_words import KeyValueWords
from streamz_core.state.store import StoreUndecodable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from streamz_core.state.store import Change, Codec, Store

CLEAN_ENTRIES_MAX: Final = 100_000
"""How many clean entries stay in caches that are bounded by number."""
SCANNED_KEYS_FEW: Final = 100
"""So many new keys are put into a sorted list one by one; more are sorted with it."""

_ABSENT: Final[Any] = object()
"""Nothing is known of this key in memory."""
_DELETED: Final[Any] = object()
"""The key is known not to exist."""

_by_key = itemgetter(0)


class CachedStore(KeyValueWords):
    """One partition of a key-value store, as user code sees it: decoded keys and values.

    Keys are compared as Python compares them, so two keys that are equal must encode equally.
    ``None`` is no value: putting it deletes. A value that is changed in place must be put again.
    Entries that are also in the store stay in memory as long as the budget has room.
    """

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        budget: CacheBudget | None = None,
    ) -> None:
        """Put a cache in front of ``store``, whose partition this is the only writer of.

        ``budget`` is what it shares with other caches; without one it has a budget of its own.
        """
        self._store = store
        self._key_codec = key_codec
        self._value_codec = value_codec
        self.account: Final = EntryAccount(budget or CacheBudget(), self._evict)
        self._values: dict[Any, Any] = {}
        self._dirty: dict[Any, None] = {}
        """Changed since the last ``collect``, in the order of the first change."""
        self._sorted: list[bytes] = []
        """The encoded keys of as many of these, the first ones, as scans had to see."""
        self._by_code: dict[bytes, Any] = {}
        self._scanned = 0
        self._pending: list[Change] = []
        self._is_complete = self._is_empty()
        """Whether what is not in memory does not exist: the store began empty, and all stayed."""

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def dirty_records(self) -> int:
        """How many keys changed since the last ``collect``."""
        return len(self._dirty)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` where there is none."""
        value = self._values.get(key, _ABSENT)
        if value is _ABSENT:
            value = self._load(key)
        return default if value is _DELETED else value

    def put(self, key: Hashable, value: Any) -> None:
        """Set the value of ``key``; ``None`` deletes it."""
        self._values[key] = _DELETED if value is None else value
        self._dirty[key] = None

    def delete(self, key: Hashable) -> None:
        """Remove ``key``; removing what is not there does nothing."""
        self._values[key] = _DELETED
        self._dirty[key] = None

    def __contains__(self, key: Hashable) -> bool:
        """Whether ``key`` has a value."""
        return self.get(key, _ABSENT) is not _ABSENT

    def items(
        self, start: Any = None, stop: Any = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Entries in the order of their encoded keys, from ``start`` up to but without ``stop``.

        What this partition changed and has not committed is part of it.
        """
        lower = b"" if start is None else self.encode_key(start)
        upper = None if stop is None else self.encode_key(stop)
        return self.scan(lower, upper, reverse=reverse)

    def scan(
        self, lower: bytes = b"", upper: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Like ``items``, between encoded keys: for prefixes and ranges of composed keys."""
        changed = self._changed_between(lower, upper, reverse=reverse)
        hidden = {key for key, _ in changed}
        stored = (row for row in self._stored(lower, upper, reverse=reverse) if row[0] not in hidden)
        for key, value in merge(changed, stored, key=_by_key, reverse=reverse):
            if value is None:
                continue
            yield self.decode_key(key), self._decode_value(value, key)

    def approximate_count(self) -> int:
        """About how many keys there are; keys not yet committed count as new ones."""
        return self._store.approximate_count() + len(self._dirty)

    def position(self) -> int:
        """The changelog position of the store behind the cache."""
        return self._store.position()

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key: the changelog's records."""
        if self._pending:
            raise Misuse(f"store {self.name!r} was collected twice without committed() or discard()")
        changes = self._encode_changes()
        self.account.changed(None, self._dirty, changes, map(self._values.__getitem__, self._dirty))
        changes.sort(key=_by_key)
        self._pending = changes
        self._forget_dirty()
        return changes

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""
        self._store.write(self._pending, position)
        self._pending = []
        self.settle()
        self.account.budget.make_room()

    def settle(self) -> None:
        """Tell the budget what is held now. Loads and commits do; puts count from the next call on."""
        newest = next(reversed(self._values.values())) if self._values else None
        self.account.settle(len(self._dirty), newest)

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        self._values.clear()
        self._forget_dirty()
        self._pending = []
        self.account.forget_all()
        # Asked only where it was complete: finding out costs a look into the store.
        self._is_complete = self._is_complete and self._is_empty()

    def _is_empty(self) -> bool:
        return next(self._stored(b"", None), None) is None

    def _stored(
        self, lower: bytes, upper: bytes | None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """The store's entries; what a kind of store keeps there for itself is not among them."""
        return self._store.scan(lower, upper, reverse=reverse)

    def _load(self, key: Hashable) -> Any:
        if self._is_complete:
            return _DELETED
        encoded = self.encode_key(key)
        raw = self._store.get(encoded)
        value = _DELETED if raw is None else self._decode_value(raw, encoded)
        self._values[key] = value
        self.account.loaded(None, key, value, len(encoded) + len(raw or b""))
        return value

    def _evict(self, size_bytes: int) -> None:
        # First in, first out: a hit costs nothing, and what is still in use comes back at the end.
        # While changes are pending, the store does not have them yet: nothing may go.
        if self._pending:
            return
        account, dirty = self.account, self._dirty
        gone: list[Any] = []
        for key in self._values:
            if size_bytes <= 0:
                break
            if key not in dirty:
                size_bytes -= account.forget(None, key)
                gone.append(key)
        for key in gone:
            del self._values[key]
        self._is_complete = self._is_complete and not gone

    def _encode_changes(self) -> list[Change]:
        encode_key, encode_value, values = self.encode_key, self._value_codec.encode, self._values
        changes: list[Change] = []
        for key in self._dirty:
            value = values[key]
            changes.append((encode_key(key), None if value is _DELETED else encode_value(value)))
        return changes

    def _changed_between(self, lower: bytes, upper: bytes | None, *, reverse: bool) -> list[Change]:
        self._sort_dirty()
        codes, pending, values = self._sorted, self._pending, self._values
        last = len(codes) if upper is None else bisect_left(codes, upper)
        # What is pending is older than what is dirty, and not yet in the store either.
        start = bisect_left(pending, lower, key=_by_key)
        stop = len(pending) if upper is None else bisect_left(pending, upper, key=_by_key)
        changes = dict(pending[start:stop])
        for code in codes[bisect_left(codes, lower) : last]:
            value = values[self._by_code[code]]
            changes[code] = None if value is _DELETED else self._value_codec.encode(value)
        return sorted(changes.items(), key=_by_key, reverse=reverse)

    def _sort_dirty(self) -> None:
        """Have the encoded keys of all that is dirty: scans one after the other see few new ones each."""
        known = self._scanned
        new = len(self._dirty) - known
        if not new:
            return
        self._scanned += new
        codes = self._sorted
        for key in islice(self._dirty, known, None):
            code = self.encode_key(key)
            self._by_code[code] = key
            if new <= SCANNED_KEYS_FEW:
                insort(codes, code)
            else:
                codes.append(code)
        if new > SCANNED_KEYS_FEW:
            codes.sort()

    def _forget_dirty(self) -> None:
        self._dirty, self._sorted, self._by_code, self._scanned = {}, [], {}, 0

    def encode_key(self, key: Any) -> bytes:
        """The bytes of a key; raises ``Misuse`` where it has none."""
        encoded = self._key_codec.encode(key)
        if encoded is None:
            raise Misuse(f"key {key!r} of store {self.name!r} encodes to nothing; a key must have bytes")
        return encoded

    def decode_key(self, encoded: bytes) -> Any:
        """The key of these bytes; raises ``StoreUndecodable``."""
        return self._checked(self._key_codec.decode([encoded])[0], encoded)

    def _decode_value(self, raw: bytes, key: bytes) -> Any:
        return self._checked(self._value_codec.decode([raw])[0], key)

    def _checked(self, value: Any, key: bytes) -> Any:
        if type(value) is DecodeFailure:
            raise StoreUndecodable(
                f"store {self.name!r} holds an entry that does not decode (key {key!r}): {value.error}. "
                "If the table's type was changed, give the table a new name or reset the app"
            ) from value.error
        return value
