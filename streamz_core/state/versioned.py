"""``VersionedStore``: for each key its value now, and what it was at earlier times.

Owns: which version of a value is valid when, which versions come too late to be kept, and dropping those
that nobody may ask for any more.
Must not know: changelog topics, tables, wall-clock time.

A version is valid from its timestamp until that of the next one, or of the deletion. The newest version of a
key stands under the key, earlier ones under key and time; a deletion is a version without value. History is
kept for ``retention_ms`` before the store's time, the highest timestamp it was told of (KIP-889): what was
valid before that is dropped, some at every commit. The newest version never ends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.errors import Misuse
from streamz_core.serde.versions import (
    HISTORY,
    LATEST,
    VersionCodec,
    VersionKeyCodec,
    history_of,
    restored,
)
from streamz_core.state.cache import CachedStore
from streamz_core.state.store import prefix_end
from streamz_core.state.store_time import StoreTime
from streamz_core.state.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from streamz_core.state.cache_budget import CacheBudget
    from streamz_core.state.entry_account import EntryAccount
    from streamz_core.state.store import Change, Codec, Store

_TIME_BYTES: Final = 8


class VersionedRecord(NamedTuple):
    """A value, since when it is valid, and until when (exclusive); ``valid_to`` None: it is the newest."""

    value: Any
    timestamp: int
    valid_to: int | None = None


class PutResult(Enum):
    """What became of a version that was put."""

    LATEST = "latest"
    """It is the key's newest."""
    EARLIER = "earlier"
    """There is a newer one; it was put into the history."""
    TOO_LATE = "too_late"
    """It is older than the history that is kept, and was not put."""


class VersionedStore:
    """One partition of a versioned key-value store, as user code sees it.

    >>> store.put("eur", 1.09, 1_000)      # doctest: +SKIP
    <PutResult.LATEST: 'latest'>
    >>> store.get("eur", as_of=1_500)      # doctest: +SKIP
    VersionedRecord(value=1.09, timestamp=1000, valid_to=None)
    """

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        retention_ms: int,
        latest_ms: Callable[[], int] | None = None,
        budget: CacheBudget | None = None,
    ) -> None:
        """``retention_ms``: how far back one may ask, and how late a version may come, in milliseconds."""
        if retention_ms < 0:
            raise Misuse(f"store {store.name!r}: a history retention of {retention_ms} ms is below 0")
        self.retention_ms: Final = retention_ms
        self._store = store
        self._cache = CachedStore(store, VersionKeyCodec(key_codec), VersionCodec(value_codec), budget=budget)
        self._time = StoreTime(latest_ms)
        self._sweep = Sweep(store, HISTORY, prefix_end(HISTORY))
        self._times: dict[Any, list[int]] = {}
        """The times of earlier versions, ascending, of the keys whose history was asked for."""
        self._changed: dict[Any, set[int]] = {}
        """Times that were added (or removed) since the last commit: the store does not tell of them."""
        self._pending_changed: dict[Any, set[int]] = {}
        self.late_count = 0
        """Versions that came too late, in this life of the store."""
        self._load_time()

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp the store was told of; -1 before the first."""
        return self._time.now_ms

    @property
    def dirty_records(self) -> int:
        """How many records the next ``collect`` will give, about."""
        return self._cache.dirty_records + self._time.is_dirty

    def observe(self, time_ms: int) -> int:
        """Tell the store of a record's time; returns the store's time."""
        return self._time.observe(time_ms)

    # -- reading ------------------------------------------------------------------------------------

    def get(self, key: Hashable, as_of: int | None = None) -> VersionedRecord | None:
        """The newest version, or the one that was valid at the time ``as_of``; None where there was none.

        What was valid before the retention is not told, even if it should still be there, except where it is
        the newest.
        """
        latest = self._cache.get((key,))
        if latest is not None and (as_of is None or latest[1] <= as_of):
            return None if latest[0] is None else VersionedRecord(*latest)
        if as_of is None or latest is None or as_of < self._bound:
            return None
        times = self._history(key)
        index = bisect_right(times, as_of) - 1
        return None if index < 0 else self._earlier(key, times, index, latest[1])

    def history(
        self, key: Hashable, start: int | None = None, stop: int | None = None
    ) -> list[VersionedRecord]:
        """The versions that were valid at some time from ``start`` to before ``stop``, newest first."""
        latest = self._cache.get((key,))
        if latest is None:
            return []
        times = self._history(key)
        found = [] if latest[0] is None else [VersionedRecord(*latest)]
        earlier = (self._earlier(key, times, index, latest[1]) for index in reversed(range(len(times))))
        found += [record for record in earlier if record is not None and self._is_kept(record)]
        return [
            record
            for record in found
            if (stop is None or record.timestamp < stop)
            and (start is None or record.valid_to is None or record.valid_to > start)
        ]

    def __contains__(self, key: Hashable) -> bool:
        """Whether ``key`` has a value now."""
        return self.get(key) is not None

    def items(
        self, start: Any = None, stop: Any = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, VersionedRecord]]:
        """The newest versions in the order of their encoded keys, from ``start`` up to but without ``stop``."""
        lower = LATEST if start is None else LATEST + self._encode_key(start)
        upper = prefix_end(LATEST) if stop is None else LATEST + self._encode_key(stop)
        for place, version in self._cache.scan(lower, upper, reverse=reverse):
            if version[0] is not None:
                yield place[0], VersionedRecord(*version)

    def approximate_count(self) -> int:
        """About how many versions there are."""
        return self._cache.approximate_count()

    # -- writing ------------------------------------------------------------------------------------

    def put(self, key: Hashable, value: Any, timestamp: int) -> PutResult:
        """``value`` is valid from ``timestamp`` on, until the next version; None: nothing is."""
        if timestamp < self._bound:
            self.late_count += 1
            return PutResult.TOO_LATE
        self._time.observe(timestamp)
        latest = self._cache.get((key,))
        if latest is None or timestamp >= latest[1]:
            self._put_latest(key, value, timestamp, latest)
            return PutResult.LATEST
        self._put_earlier(key, value, timestamp)
        self._sweep.written(timestamp + self.retention_ms)
        return PutResult.EARLIER

    def delete(self, key: Hashable, timestamp: int) -> VersionedRecord | None:
        """There is no value from ``timestamp`` on; returns what was valid then."""
        found = self.get(key, timestamp)
        self.put(key, None, timestamp)
        return found

    def _put_latest(self, key: Any, value: Any, timestamp: int, before: Any) -> None:
        if before is not None and before[1] == timestamp:
            if before[0] is None and value is not None:
                self._remove_earlier(key, timestamp)
        elif before is not None and before[0] is not None:
            self._put_earlier(key, *before)
            self._sweep.written(timestamp + self.retention_ms)
        if value is None:
            # A deletion stands in the history too: that is where it is found when it has ended.
            self._put_earlier(key, None, timestamp)
            self._sweep.written(timestamp + self.retention_ms)
        self._cache.put((key,), (value, timestamp))

    def _put_earlier(self, key: Any, value: Any, timestamp: int) -> None:
        self._cache.put((key, timestamp), (value, timestamp))
        self._changed.setdefault(key, set()).add(timestamp)
        times = self._times.get(key)
        if times is not None and not _has(times, timestamp):
            insort(times, timestamp)

    def _remove_earlier(self, key: Any, timestamp: int) -> None:
        self._cache.delete((key, timestamp))
        self._changed.setdefault(key, set()).add(timestamp)
        times = self._times.get(key)
        if times is not None and _has(times, timestamp):
            times.remove(timestamp)

    # -- history ------------------------------------------------------------------------------------

    @property
    def _bound(self) -> int:
        return self._time.now_ms - self.retention_ms

    def _is_kept(self, record: VersionedRecord) -> bool:
        return record.valid_to is None or record.valid_to > self._bound

    def _earlier(self, key: Any, times: list[int], index: int, latest_ms: int) -> VersionedRecord | None:
        version = self._cache.get((key, times[index]))
        if version is None or version[0] is None:
            return None
        valid_to = times[index + 1] if index + 1 < len(times) else latest_ms
        return VersionedRecord(version[0], version[1], valid_to)

    def _history(self, key: Any) -> list[int]:
        """The times of all versions but the newest, ascending; of a deletion that is the newest, too."""
        times = self._times.get(key)
        if times is None:
            start = history_of(self._encode_key(key))
            found = {restored(row[0]) for row in self._store.scan(start, prefix_end(start))}
            for changed in (self._pending_changed.get(key, ()), self._changed.get(key, ())):
                for timestamp in changed:
                    if self._cache.get((key, timestamp)) is None:
                        found.discard(timestamp)
                    else:
                        found.add(timestamp)
            times = self._times[key] = sorted(found)
        return times

    def drop_expired(self) -> None:
        """Remove some of the versions that ended before the retention: once a commit, before ``collect``."""
        bound = self._bound
        newer: tuple[bytes, int] | None = None
        for place, _ in self._sweep.portion(self._time.now_ms):
            prefix, timestamp = place[:-_TIME_BYTES], restored(place)
            key = self._cache.decode_key(place)[0]
            latest = self._cache.get((key,))
            is_newest = latest == (None, timestamp)
            if is_newest:
                ended_ms = timestamp
            elif newer is not None and newer[0] == prefix:
                ended_ms = newer[1]
            else:
                ended_ms = self._next_time(key, timestamp, latest)
            newer = (prefix, timestamp)
            if ended_ms > bound:
                self._sweep.stays(ended_ms + self.retention_ms)
            elif is_newest:
                self._forget(key)
            else:
                self._remove_earlier(key, timestamp)

    def _next_time(self, key: Any, timestamp: int, latest: Any) -> int:
        """When the version of this time ends."""
        if latest is None:
            return timestamp  # its key was forgotten with all that it had
        times = self._history(key)
        index = bisect_right(times, timestamp)
        return times[index] if index < len(times) else int(latest[1])

    def _forget(self, key: Any) -> None:
        """Remove a key that was deleted, with everything before: without the deletion that would be valid."""
        for timestamp in list(self._history(key)):
            self._remove_earlier(key, timestamp)
        self._cache.delete((key,))

    # -- commits ------------------------------------------------------------------------------------

    def position(self) -> int:
        """The changelog position of the store behind the cache."""
        return self._cache.position()

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key: the changelog's records."""
        if self._time.is_dirty:
            self._cache.put((), (None, self._time.collect()))
        changes = self._cache.collect()
        self._pending_changed, self._changed = self._changed, {}
        return changes

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""
        self._cache.committed(position)
        self._pending_changed = {}
        if len(self._times) > len(self._changed):
            self._times = {key: times for key, times in self._times.items() if key in self._changed}

    @property
    def account(self) -> EntryAccount:
        """What the cache holds of the memory budget."""
        return self._cache.account

    def settle(self) -> None:
        """Tell the budget what is held now."""
        self._cache.settle()

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        self._cache.discard()
        self._times = {}
        self._changed = {}
        self._pending_changed = {}
        self._sweep.restart()
        self._load_time()

    def _load_time(self) -> None:
        mark = self._cache.get(())
        self._time.load(None if mark is None else mark[1])

    def _encode_key(self, key: Any) -> bytes:
        return self._cache.encode_key((key,))[1:]


def _has(times: list[int], timestamp: int) -> bool:
    index = bisect_left(times, timestamp)
    return index < len(times) and times[index] == timestamp
