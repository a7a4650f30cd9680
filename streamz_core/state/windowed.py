"""``WindowedStore``: a write-back cache of windows, which closes each of them once.

Owns: values by window start and key, the lateness test, which windows are closed and which are
dropped, and the marks of both, which are part of the store and of its changelog.
Must not know: changelog topics, how timestamps map to windows, wall-clock time.

A window ``[start, start + size_ms)`` is *closed* once stream time reaches its end plus the grace:
from then on its contents do not change, and ``expire`` hands them out, once. It is *dropped* once
stream time reaches its end plus the retention. Everything follows from record timestamps, so a
replay closes the same windows with the same contents.

A stored key is the window's start, 8 bytes big-endian, and the encoded key: a window is a range.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.errors import Misuse
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.entry_account import EntryAccount
from streamz_core.state.key_codes import KeyCodes
from streamz_core.state.marks import Marks
from streamz_core.state.pane import ABSENT, DELETED, Pane
from streamz_core.state.store import StoreCorrupt, StoreUndecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator

    from streamz_core.state.store import Change, Codec, Store

START_BYTES: Final = 8
MARKS_KEY: Final = b"\xff" * START_BYTES + b"marks"
"""Sorts behind every window: starts are below 2**63."""


_by_key = itemgetter(0)


class WindowedStore:
    """One partition of a window store, as user code sees it: decoded keys and values by window.

    ``None`` is no value: putting it deletes. A value that is changed in place must be put again.
    """

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        size_ms: int,
        grace_ms: int = 0,
        retention_ms: int | None = None,
        own_time: bool = False,
        end: Callable[[int], int] | None = None,
        budget: CacheBudget | None = None,
    ) -> None:
        """``grace_ms`` and ``retention_ms`` count from a window's end; the latter defaults to the former.

        ``own_time``: stream time is what writers ``observe``, and the task's has no say. ``end``: windows are
        not all ``size_ms`` long, and this tells a window's end by its start; of two windows, the one that starts
        later must not end earlier. ``budget`` is what the cache shares with others; without one it has its own.
        """
        retention_ms = grace_ms if retention_ms is None else retention_ms
        if retention_ms < grace_ms:
            raise Misuse(
                f"store {store.name!r}: the retention of {retention_ms} ms after a window's end is shorter "
                f"than its grace of {grace_ms} ms; windows would be dropped before they are closed"
            )
        self._store = store
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._key_codes = KeyCodes(self._encode_key)
        self.size_ms: Final = size_ms
        self.grace_ms: Final = grace_ms
        self.retention_ms: Final = retention_ms
        self._own_time = own_time
        self._end = end
        self.account: Final = EntryAccount(budget or CacheBudget(), self._evict)
        self._windows: dict[int, Pane] = {}
        self._tombstones: list[bytes] = []
        self._thinned: set[int] = set()
        """Windows that entries were removed of: they may be empty."""
        self._pending: list[Change] | None = None
        self._pending_marks = Marks()
        self._load_marks()

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def dirty_records(self) -> int:
        """How many records the next ``collect`` will give: changed keys, and the marks if they changed."""
        changed = sum(len(window.dirty) for window in self._windows.values()) + len(self._tombstones)
        return changed + (self._marks != self._saved_marks)

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp the store was told of, across restarts; -1 before the first."""
        return self._marks.stream_time_ms

    @property
    def late_count(self) -> int:
        """Records counted late, across restarts."""
        return self._marks.late_count

    def late(self, start: int, stream_time_ms: int) -> bool:
        """Whether the window at ``start`` is closed at this stream time: its records come too late.

        So are those of windows that were handed out early, by an ``expire`` ahead of stream time.
        """
        return self.end(start) + self.grace_ms <= stream_time_ms or start < self._marks.closed_before_ms

    def end(self, start: int) -> int:
        """When the window at ``start`` ends."""
        return start + self.size_ms if self._end is None else self._end(start)

    def observe(self, time_ms: int) -> int:
        """Tell the store of a record's time; returns its stream time, the highest it was told of."""
        marks = self._marks
        marks.stream_time_ms = max(marks.stream_time_ms, time_ms)
        return marks.stream_time_ms

    def count_late(self, records: int = 1) -> None:
        """Count records that were not taken because they came too late."""
        self._marks.late_count += records

    def get(self, key: Hashable, start: int, default: Any = None) -> Any:
        """The value of ``key`` in the window at ``start``, or ``default`` where there is none."""
        window = self._windows.get(start)
        if window is None:
            if start not in self._known:
                return default
            window = self._window(start)
        value = window.values.get(key, ABSENT)
        if value is ABSENT:
            value = self._load(window, key, start)
        return default if value is DELETED else value

    def put(self, key: Hashable, start: int, value: Any) -> None:
        """Set the value of ``key`` in the window at ``start``; ``None`` deletes it.

        Raises ``Misuse`` for a window that was dropped: ask ``late`` first.
        """
        window = self._windows.get(start)
        if window is None:
            window = self._window(start)
        values = window.values
        if key not in window.dirty:
            window.dirty[key] = values.get(key)
        values[key] = DELETED if value is None else value

    def add(
        self,
        key: Hashable,
        start: int,
        amount: Any,
        stream_time_ms: int,
        default: Callable[[], Any] | None = None,
    ) -> bool:
        """Add ``amount`` to a value that begins at ``default()``: ``late``, ``get`` and ``put`` in one call.

        Returns False, and changes nothing, where it comes too late. Raises KeyError where there is
        neither a value nor a ``default``.
        """
        if self.late(start, stream_time_ms):
            return False
        window = self._windows.get(start)
        value = None if window is None else window.values.get(key)
        if window is None or value is None or value is DELETED:
            value = self.get(key, start)
            if value is None:
                if default is None:
                    raise KeyError(key)
                value = default()
            self.put(key, start, value + amount)
            return True
        if key not in window.dirty:
            window.dirty[key] = value
        window.values[key] = value + amount
        return True

    def pane(self, start: int) -> Pane:
        """The window at ``start`` itself, for operators that handle many rows; begun if it is not there.

        Who changes a value enters what it was into ``dirty``, unless the key is there. What is ABSENT in it is
        to be asked for by ``get``. Raises ``Misuse`` for a window that was dropped: ask ``late`` first.
        """
        window = self._windows.get(start)
        return self._window(start) if window is None else window

    def changed(self) -> list[tuple[int, Pane]]:
        """The windows that changed since the last ``collect``, oldest first: their ``dirty`` has what was before."""
        found = [(start, window) for start, window in self._windows.items() if window.dirty]
        found.sort(key=_by_key)
        return found

    def delete(self, key: Hashable, start: int) -> None:
        """Remove ``key`` from the window at ``start``."""
        self.put(key, start, None)

    def remove(self, key: Hashable, start: int) -> None:
        """``delete``, for good: a window of which everything was removed is forgotten after the commit."""
        self.put(key, start, None)
        self._thinned.add(start)

    def starts_ended(self, after_ms: int, by_ms: int, latest_start: int) -> list[int]:
        """The starts of the windows with ``after_ms < end <= by_ms``, up to ``latest_start``, oldest first."""
        starts = self._starts
        stop = bisect_right(starts, latest_start)
        first = bisect_right(starts, after_ms, 0, stop, key=self.end)
        return starts[first : bisect_right(starts, by_ms, first, stop, key=self.end)]

    def starts(self) -> list[int]:
        """The starts of the windows that are kept, oldest first; some may be empty."""
        return list(self._starts)

    def items(self, start: int) -> Iterator[tuple[Any, Any]]:
        """The entries of one window, in the order of their encoded keys."""
        if start < 0:
            return  # there are no windows before the epoch
        window = self._windows.get(start)
        if window is not None and window.is_complete:
            for _, key, value in self._encoded(start, window, list(window.values)):
                if value is not DELETED:
                    yield key, value
            return
        changed = [] if window is None else self._encoded(start, window, {**window.pending, **window.dirty})
        hidden = {row[0] for row in changed}
        for stored_key, key, value in merge(changed, self._stored(start, hidden), key=_by_key):
            if key is ABSENT:
                yield self._decode_key(stored_key), self._decode_value(value, stored_key)
            elif value is not DELETED:
                yield key, value

    def fetch(self, key: Hashable, start: int = 0, stop: int | None = None) -> list[tuple[int, int, Any]]:
        """``(start, end, value)`` of ``key`` in the windows that begin at ``start <= time < stop``, oldest first."""
        found: list[tuple[int, int, Any]] = []
        for first in self._starts_between(start, stop):
            value = self.get(key, first)
            if value is not None:
                found.append((first, self.end(first), value))
        return found

    def fetch_all(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[Any, int, int, Any]]:
        """``(key, start, end, value)`` of the windows that begin at ``start <= time < stop``, oldest first."""
        for first in self._starts_between(start, stop):
            for key, value in self.items(first):
                yield key, first, self.end(first), value

    def backward_fetch(
        self, key: Hashable, start: int = 0, stop: int | None = None
    ) -> list[tuple[int, int, Any]]:
        """The same as ``fetch``, the youngest first."""
        return self.fetch(key, start, stop)[::-1]

    def all(self) -> Iterator[tuple[Any, int, int, Any]]:
        """``(key, start, end, value)`` of all windows there are, oldest first."""
        return self.fetch_all()

    def _starts_between(self, start: int, stop: int | None) -> list[int]:
        last = len(self._starts) if stop is None else bisect_left(self._starts, stop)
        return self._starts[bisect_left(self._starts, start) : last]

    def _stored(self, start: int, hidden: set[bytes]) -> Iterator[tuple[bytes, Any, Any]]:
        # A generator function: mypyc would make a list of a generator expression, of a whole window.
        for stored_key, raw in self._store.scan(_packed(start), _packed(start + 1)):
            if stored_key not in hidden:
                yield stored_key, ABSENT, raw

    def expire(self, stream_time_ms: int) -> Iterator[tuple[Any, int, Any]]:
        """Hand out ``(key, start, value)`` of every window that closed, each window once.

        Oldest window first, keys in the order of their bytes. Run it to its end before the next
        commit: a window counts as handed out when its last entry was taken.
        """
        marks = self._marks
        for start in self._starts[bisect_left(self._starts, marks.closed_before_ms) :]:
            if self.end(start) + self.grace_ms > stream_time_ms:
                break
            for key, value in self.items(start):
                yield key, start, value
            marks.closed_before_ms = start + 1
        self.close_unread(stream_time_ms)

    def close_unread(self, stream_time_ms: int) -> None:
        """What ``expire`` does where nobody wants to see the entries."""
        if self._end is None:
            bound = stream_time_ms - self.size_ms - self.grace_ms
            self._marks.closed_before_ms = max(self._marks.closed_before_ms, bound + 1)

    def last_end(self, latest_ms: int) -> int:
        """The end of the last window that starts no later than ``latest_ms``; -1 where there is none."""
        last = bisect_right(self._starts, latest_ms)
        return self.end(self._starts[last - 1]) if last else -1

    def drop_expired(self, stream_time_ms: int) -> None:
        """Advance stream time and let go of the windows whose retention is over.

        The task calls it before every commit, after the processors have had their chance to
        ``expire``; a window that stays unclaimed until then is dropped without being handed out.
        """
        marks = self._marks
        if not self._own_time:
            marks.stream_time_ms = max(marks.stream_time_ms, stream_time_ms)
        ended_by = marks.stream_time_ms - self.retention_ms
        while self._starts and self.end(self._starts[0]) <= ended_by:
            start = self._starts.pop(0)
            self._drop(start)
            marks.dropped_before_ms = start + 1
        if self._end is None:
            marks.dropped_before_ms = max(marks.dropped_before_ms, ended_by - self.size_ms + 1)
        marks.closed_before_ms = max(marks.closed_before_ms, marks.dropped_before_ms)

    def approximate_count(self) -> int:
        """About how many entries there are; entries not yet committed count as new ones."""
        return self._store.approximate_count() + self.dirty_records

    def position(self) -> int:
        """The changelog position of the store behind the cache."""
        return self._store.position()

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key: the changelog's records."""
        if self._pending is not None:
            raise Misuse(f"store {self.name!r} was collected twice without committed() or discard()")
        changes: list[Change] = [(key, None) for key in self._tombstones]
        for start, window in self._windows.items():
            if window.dirty:
                changes += self._encode_dirty(start, window)
                window.pending, window.dirty = window.dirty, {}
                window.is_stored = True
        changes.sort(key=_by_key)
        if self._marks != self._saved_marks:
            changes.append((MARKS_KEY, msgspec.json.encode(self._marks)))
        self._tombstones = []
        self._pending = changes
        self._pending_marks = msgspec.structs.replace(self._marks)
        return changes

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""
        assert self._pending is not None, "committed() without collect()"
        self._store.write(self._pending, position)
        self._pending = None
        self._saved_marks = self._pending_marks
        for window in self._windows.values():
            window.pending = {}
        if self._thinned:
            self._forget_empty()
        self.settle()
        self.account.budget.make_room()

    def settle(self) -> None:
        """Tell the budget what is held now. Loads and commits do; puts count from the next call on."""
        dirty, newest = 0, None
        for window in self._windows.values():
            if window.dirty:
                dirty += len(window.dirty)
                newest = next(reversed(window.values.values()))
        self.account.settle(dirty, newest)

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        self._windows.clear()
        self._tombstones = []
        self._thinned = set()
        self._pending = None
        self.account.forget_all()
        self._load_marks()

    def _load_marks(self) -> None:
        raw = self._store.get(MARKS_KEY)
        try:
            self._marks = Marks() if raw is None else msgspec.json.decode(raw, type=Marks)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreCorrupt(f"window store {self.name!r}: its marks do not decode: {raw!r}") from error
        self._saved_marks = msgspec.structs.replace(self._marks)
        self._starts = list(self._stored_starts())
        self._known = set(self._starts)

    def _stored_starts(self) -> Iterator[int]:
        # One seek per window: from the first key at or after a start to the start after it.
        start = 0
        while (row := next(self._store.scan(_packed(start), MARKS_KEY), None)) is not None:
            start = int.from_bytes(row[0][:START_BYTES], "big")
            yield start
            start += 1

    def _window(self, start: int) -> Pane:
        is_new = start not in self._known
        if is_new:
            if start < self._marks.dropped_before_ms:
                raise Misuse(
                    f"window {start} of store {self.name!r} was dropped (windows before "
                    f"{self._marks.dropped_before_ms} are); ask late() before writing"
                )
            insort(self._starts, start)
            self._known.add(start)
            self._check_order(start)
        window = self._windows[start] = Pane(is_complete=is_new)
        return window

    def _check_order(self, start: int) -> None:
        if self._end is None:
            return
        at = bisect_left(self._starts, start)
        around = self._starts[max(0, at - 1) : at + 2]
        ends = [self._end(one) for one in around]
        if ends != sorted(ends) or self._end(start) <= start:
            raise Misuse(
                f"store {self.name!r}: windows that start at {around} end at {ends}; a window must end behind its "
                "start, and one that starts later not before one that starts earlier"
            )

    def _load(self, window: Pane, key: Hashable, start: int) -> Any:
        if window.is_complete:
            return DELETED
        stored_key = _packed(start) + self._key_codes[key]
        raw = self._store.get(stored_key)
        value = DELETED if raw is None else self._decode_value(raw, stored_key)
        window.values[key] = value
        self.account.loaded(start, key, value, len(stored_key) + len(raw or b""))
        return value

    def _drop(self, start: int) -> None:
        self._known.discard(start)
        self.account.forget_group(start)
        window = self._windows.pop(start, None)
        if window is not None and window.is_complete:
            # All that the store can hold of it is known: no need to look.
            if window.is_stored:
                prefix, codes = _packed(start), self._key_codes
                self._tombstones += [prefix + codes[key] for key in window.values]
            return
        stored = self._store.scan(_packed(start), _packed(start + 1))
        self._tombstones += [stored_key for stored_key, _ in stored]

    def _forget_empty(self) -> None:
        """Windows that were removed entry by entry: no ``_drop`` comes by where the store's own time stands still."""
        thinned, self._thinned = self._thinned, set()
        for start in thinned & self._known:
            window = self._windows.get(start)
            if window is not None and window.dirty:
                self._thinned.add(start)  # changed since this commit was collected
            elif next(self._store.scan(_packed(start), _packed(start + 1)), None) is None:
                self._known.discard(start)
                self._starts.remove(start)
                self._windows.pop(start, None)
                self.account.forget_group(start)

    def _evict(self, size_bytes: int) -> None:
        # Oldest windows first, and in a window first in, first out: what is in use comes back.
        for start, window in self._windows.items():
            if size_bytes <= 0:
                return
            dirty, pending, values = window.dirty, window.pending, window.values
            evicted: list[Any] = []
            for key in values:
                if size_bytes <= 0:
                    break
                if key not in dirty and key not in pending:
                    size_bytes -= self.account.forget(start, key)
                    evicted.append(key)
            for key in evicted:
                del values[key]
            window.is_complete = window.is_complete and not evicted

    def _encode_dirty(self, start: int, window: Pane) -> list[Change]:
        prefix, values = _packed(start), window.values
        codes, encode = self._key_codes, self._value_codec.encode
        changes: list[Change] = [
            (prefix + codes[key], None if (value := values[key]) is DELETED else encode(value))
            for key in window.dirty
        ]
        self.account.changed(start, window.dirty, changes, map(values.__getitem__, window.dirty))
        return changes

    def _encoded(self, start: int, window: Pane, keys: Collection[Any]) -> list[tuple[bytes, Any, Any]]:
        prefix, codes = _packed(start), self._key_codes
        return sorted(((prefix + codes[key], key, window.values[key]) for key in keys), key=_by_key)

    def _encode_key(self, key: Any) -> bytes:
        encoded = self._key_codec.encode(key)
        if encoded is None:
            raise Misuse(f"key {key!r} of store {self.name!r} encodes to nothing; a key must have bytes")
        return encoded

    def _decode_key(self, stored_key: bytes) -> Any:
        return self._checked(self._key_codec.decode([stored_key[START_BYTES:]])[0], stored_key)

    def _decode_value(self, raw: bytes, stored_key: bytes) -> Any:
        return self._checked(self._value_codec.decode([raw])[0], stored_key)

    def _checked(self, value: Any, stored_key: bytes) -> Any:
        if type(value) is DecodeFailure:
            raise StoreUndecodable(
                f"window store {self.name!r} holds an entry that does not decode (key {stored_key!r}): "
                f"{value.error}. If the table's type was changed, give the table a new name or reset the app"
            ) from value.error
        return value


def _packed(start: int) -> bytes:
    return start.to_bytes(START_BYTES, "big")
