"""``ExpiringStore``: a key-value store whose entries end by themselves.

Owns: when an entry ends, hiding those that have, and deleting them, some at every commit.
Must not know: changelog topics, tables, wall-clock time.

Values are stamped: ``(value, timestamp)``, or ``(value, timestamp, expires_ms)`` for an entry with an end of
its own. Time is the highest timestamp the store was told of, part of its contents: after a restart the same
entries have ended as before. An entry that has ended reads as absent at once; it is deleted, from the
changelog too, when the walk over the store comes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.serde.stamped import expiry
from streamz_core.state.cache import CachedStore
from streamz_core.state.store import StoreCorrupt
from streamz_core.state.store_time import StoreTime
from streamz_core.state.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.store import Change, Codec, Store

MARK: Final = b"\xff" * 16 + b"time"
"""Where the store's time stands: no key that a codec makes."""

_ABSENT: Final[Any] = object()


class ExpiringStore(CachedStore):
    """One partition of a key-value store of stamped values, each with an end or without."""

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        ttl_ms: int | None = None,
        latest_ms: Callable[[], int] | None = None,
        budget: CacheBudget | None = None,
    ) -> None:
        """``ttl_ms`` after its timestamp an entry ends that does not say otherwise; None: never."""
        if ttl_ms is not None and ttl_ms < 1:
            raise Misuse(f"store {store.name!r}: a time to live of {ttl_ms} ms; it must be at least 1")
        self.ttl_ms: Final = ttl_ms
        self._time = StoreTime(latest_ms)
        self._sweep = Sweep(store, b"", MARK)
        self._tells_ends = False
        super().__init__(store, key_codec, value_codec, budget=budget)
        self._load_time()

    @property
    def stream_time_ms(self) -> int:
        """The store's time; -1 before it was told of any."""
        return self._time.now_ms

    @property
    def dirty_records(self) -> int:
        """How many keys changed since the last ``collect``, and one more if the time did."""
        return len(self._dirty) + self._time.is_dirty

    def observe(self, time_ms: int) -> int:
        """Tell the store of a record's time, before it is asked on behalf of that record."""
        return self._time.observe(time_ms)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The stamped value of ``key``, or ``default`` where there is none, or none any more."""
        stamped = super().get(key, _ABSENT)
        return default if stamped is _ABSENT or self._has_ended(stamped) else stamped

    def put(self, key: Hashable, value: Any) -> None:
        """Set the stamped value of ``key``: a pair ends by the store's ``ttl_ms``, a triple when it says."""
        if value is not None:
            if len(value) == 2 and self.ttl_ms is not None:
                value = (value[0], value[1], value[1] + self.ttl_ms)
            if len(value) == 3:
                self._sweep.written(value[2])
        super().put(key, value)

    def put_with_ttl(self, key: Hashable, value: Any, timestamp: int, ttl_ms: int) -> None:
        """Set ``key`` to a value of this time that ends ``ttl_ms`` after it."""
        self.observe(timestamp)
        self.put(key, (value, timestamp, timestamp + ttl_ms))

    def scan(
        self, lower: bytes = b"", upper: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Entries that have not ended, between encoded keys."""
        for key, stamped in super().scan(lower, upper, reverse=reverse):
            if not self._has_ended(stamped):
                yield key, stamped

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key, and the time if it did."""
        changes = super().collect()
        if self._time.is_dirty:
            changes.append((MARK, str(self._time.collect()).encode()))
            changes.sort(key=lambda change: change[0])
        return changes

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        super().discard()
        self._sweep.restart()
        self._load_time()

    def _has_ended(self, stamped: Any) -> bool:
        if len(stamped) == 3:
            return bool(stamped[2] <= self._time.now_ms)
        return self.ttl_ms is not None and bool(stamped[1] + self.ttl_ms <= self._time.now_ms)

    def tell_ends(self) -> None:
        """From now on entries that have ended are deleted by ``take_ended`` alone: its caller tells others of them."""
        self._tells_ends = True

    def ended(self, key: Hashable) -> Any:
        """The stamped value of an entry that has ended and is not deleted yet; None where there is none."""
        stamped = super().get(key)
        return stamped if stamped is not None and self._has_ended(stamped) else None

    def take_ended(self) -> list[tuple[Any, Any, int]]:
        """Delete some of what has ended: keys with their stamped values and the times at which they did."""
        now_ms = self._time.now_ms
        taken: list[tuple[Any, Any, int]] = []
        for encoded, raw in self._sweep.portion(now_ms):
            ends_ms = expiry(raw, self.ttl_ms)
            if ends_ms is None:
                continue
            if ends_ms > now_ms:
                self._sweep.stays(ends_ms)
                continue
            key = self.decode_key(encoded)
            if key not in self._dirty:  # or else it is another entry by now
                taken.append((key, super().get(key), ends_ms))
                self.delete(key)
        return taken

    def drop_expired(self) -> None:
        """Delete some of what has ended: to be called once a commit, before ``collect``."""
        if not self._tells_ends:
            self.take_ended()

    def _changed_between(self, lower: bytes, upper: bytes | None, *, reverse: bool) -> list[Change]:
        return [row for row in super()._changed_between(lower, upper, reverse=reverse) if row[0] != MARK]

    def _load_time(self) -> None:
        raw = self._store.get(MARK)
        try:
            self._time.load(None if raw is None else int(raw))
        except ValueError as error:
            raise StoreCorrupt(f"store {self.name!r}: its time does not decode: {raw!r}") from error

    def _stored(
        self, lower: bytes, upper: bytes | None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        return (row for row in self._store.scan(lower, upper, reverse=reverse) if row[0] != MARK)
