"""``JoinBuffer``: the recent rows of two streams that are joined, by side and key.

Owns: rows with their times, how long they can be seen, the join's stream time, and all of it as entries of a
store and its changelog. Rows without a partner are in ``Unmatched``, over the same store.
Must not know: joiners, windows, how rows are matched.

A row can be seen until its own side's time, the highest that a row of it came with, is ``retention_ms`` ahead
of it. A row's entry is its bucket (a stretch of time), side, key, time and a number that goes up: a bucket
is a range and goes as a whole, and so is what a bucket has of one key.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from mypy_extensions import i64

from streamz_core.errors import Misuse
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache import CLEAN_ENTRIES_MAX
from streamz_core.state.join_marks import NEVER, JoinMarks
from streamz_core.state.store import StoreCorrupt, StoreUndecodable, prefix_end
from streamz_core.state.unmatched import LEFT, RIGHT, Unmatched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.state.store import Change, Codec, Store

PREFIX: Final = b"\x01"
MARKS_KEY: Final = b"\xff" * 8 + b"marks"
BUCKETS: Final = 4
"""Into how many buckets the rows that can be seen fall, about."""

_HEAD_END: Final = 10
"""Prefix, bucket, side."""
_tail: Final = struct.Struct(">QQ")
"""Time and number."""
_length: Final = struct.Struct(">I")
"""Of an encoded key."""
FEW: Final = 8
"""So many rows of a key are looked at one by one."""
_NOTHING: Final[list[tuple[int, Any]]] = []


class KeyRows:
    """The rows of one side and key, by time."""

    def __init__(self, code: bytes) -> None:
        """``code`` is the encoded key."""
        self.code = code
        self.times: list[Any] = []
        self.values: list[Any] = []

    @property
    def middle(self) -> bytes:
        """The key's part of stored keys."""
        return _length.pack(len(self.code)) + self.code

    def add(self, time: int, value: Any) -> None:
        """One row more; behind those of the same time."""
        times = self.times
        if not times or time >= times[-1]:
            times.append(time)
            self.values.append(value)
            return
        at = bisect_right(times, time)
        times.insert(at, time)
        self.values.insert(at, value)

    def between(self, start_ms: i64, end_ms: i64) -> list[tuple[int, Any]]:
        """Times and values from ``start_ms`` to ``end_ms``, both included."""
        times = self.times
        count: i64 = len(times)
        low: i64 = 0 if count <= FEW else bisect_left(times, start_ms)
        found: list[tuple[int, Any]] = []
        while low < count:
            time: i64 = times[low]
            if time > end_ms:
                break
            if time >= start_ms:
                found.append((times[low], self.values[low]))
            low += 1
        return found

    def drop_until(self, time_ms: i64) -> i64:
        """Let go of what is not later; returns how many rows those are."""
        times = self.times
        count: i64 = len(times)
        dropped: i64 = 0
        while dropped < count:
            time: i64 = times[dropped]
            if time > time_ms:
                break
            dropped += 1
        if dropped == count:
            self.times, self.values = [], []
        elif dropped:
            del self.times[:dropped]
            del self.values[:dropped]
        return dropped


class JoinBuffer:
    """One partition of the state of a stream-stream join. Side 0 is the left one, side 1 the right one."""

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        left_codec: Codec,
        right_codec: Codec,
        *,
        retention_ms: int,
        clean_entries_max: int = CLEAN_ENTRIES_MAX,
    ) -> None:
        """About ``clean_entries_max`` rows stay in memory besides those that are not yet in the store."""
        self._store = store
        self._key_codec = key_codec
        self._codecs: list[Any] = [_Checked(left_codec, store.name), _Checked(right_codec, store.name)]
        self.retention_ms: Final = retention_ms
        self._span_ms = max(1, retention_ms // BUCKETS)
        self._clean_entries_max = clean_entries_max
        self._pending: list[Change] | None = None
        self._saved_marks = JoinMarks()
        # The marks in hand, as numbers that cost nothing to look at with every row.
        self._stream_time_ms: i64 = -1
        self._left_time_ms: i64 = -1
        self._right_time_ms: i64 = -1
        self._look_again_ms: int = NEVER
        self._number: i64 = 0
        self._fresh: list[tuple[int, Any, int, int, Any]] = []
        """Rows that are not collected: side, key, time, number, value."""
        self._tombstones: list[bytes] = []
        self._written: list[dict[int, list[bytes]]] = [{}, {}]
        """By side and bucket: the entries' keys, where all of them are known; else the store is asked for them."""
        self._written_count = 0
        self._is_complete = True
        """Whether what is not in memory does not exist."""
        self.unmatched: Final = Unmatched(store, self._codecs, self._decode_key)
        self._load()

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def stream_time_ms(self) -> int:
        """The highest time that was observed; -1 before the first."""
        return self._stream_time_ms

    @property
    def dirty_records(self) -> int:
        """How many records the next ``collect`` will give, about."""
        return len(self._fresh) + self.unmatched.changes + (self._marks() != self._saved_marks)

    @property
    def look_again_ms(self) -> int:
        """Until stream time is past this row's window, no unmatched row is looked at."""
        return self._look_again_ms

    def observe(self, time_ms: i64) -> i64:
        """Tell of a row's time; returns stream time."""
        if time_ms > self._stream_time_ms:  # noqa: PLR1730 - max() is a call
            self._stream_time_ms = time_ms
        return self._stream_time_ms

    def find(self, side: int, key: Any, start_ms: i64, end_ms: i64) -> list[tuple[int, Any]]:
        """Times and values of the rows of a key from ``start_ms`` to ``end_ms``, both included, by time."""
        found: KeyRows | None = self._rows[side].get(key)
        if found is None:
            if self._is_complete:
                return _NOTHING
            found = self._read(side, key)
        first = self._time_of(side) - self.retention_ms + 1
        return found.between(start_ms if start_ms > first else first, end_ms)

    def put(self, side: int, key: Any, time_ms: int, value: Any) -> None:
        """Take a row; one that nobody could see is not kept."""
        time: i64 = time_ms
        side_time = self._time_of(side)
        if time > side_time:
            if side:
                self._right_time_ms = time
            else:
                self._left_time_ms = time
        elif time <= side_time - self.retention_ms:
            return
        if not self.retention_ms:
            return
        rows: KeyRows = self._rows_of(side, key)
        rows.add(time_ms, value)
        self._count += 1
        self._keys_of(side, time).append(key)
        self._fresh.append((side, key, time_ms, self._number, value))
        self._number += 1

    def add_unmatched(self, side: int, key: Any, time_ms: int, value: Any) -> None:
        """A row found no partner and may yet."""
        self._look_again_ms = min(self._look_again_ms, time_ms)
        rows: KeyRows | None = self._rows[side].get(key)
        code = self._encode_key(key) if rows is None else rows.code
        self.unmatched.add(side, key, code, time_ms, value)

    def take_unmatched(self, left_before_ms: int, right_before_ms: int) -> list[tuple[int, int, Any, Any]]:
        """The unmatched rows before these times, as (time, side, key, value); they are gone then."""
        rows, self._look_again_ms = self.unmatched.take(left_before_ms, right_before_ms)
        return rows

    # -- as the task sees it ------------------------------------------------------------------------

    def approximate_count(self) -> int:
        """About how many entries there are; those not yet committed count as new ones."""
        return self._store.approximate_count() + self.dirty_records

    def position(self) -> int:
        """The changelog position of the store behind the buffer."""
        return self._store.position()

    def drop_expired(self) -> None:
        """Let go of the buckets that nobody can see; sides have their own time."""
        for side in (0, 1):
            bound = self._time_of(side) - self.retention_ms
            buckets = self._buckets[side]
            for start in [start for start in buckets if start + self._span_ms - 1 <= bound]:
                self._forget(side, buckets.pop(start), bound)
                self._tombstones += self._entries(side, start)
        if not any(self._buckets):
            self._is_complete = True

    def collect(self) -> list[Change]:
        """What changed since the last commit, encoded and sorted by key: the changelog's records."""
        if self._pending is not None:
            raise Misuse(f"store {self.name!r} was collected twice without committed() or discard()")
        changes: list[Change] = [(key, None) for key in self._tombstones]
        self._encode_fresh(changes)
        changes += self.unmatched.collect()
        changes.sort(key=_key)
        marks = self._marks()
        if marks != self._saved_marks:
            changes.append((MARKS_KEY, msgspec.json.encode(marks)))
            self._saved_marks = marks
        self._fresh = []
        self._tombstones = []
        self._pending = changes
        return changes

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""
        assert self._pending is not None, "committed() without collect()"
        self._store.write(self._pending, position)
        self._pending = None
        if self._count > self._clean_entries_max + len(self._fresh):
            self._evict()

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        self._pending = None
        self.unmatched.load()
        self._load()

    # -- rows and entries ---------------------------------------------------------------------------

    def _load(self) -> None:
        raw = self._store.get(MARKS_KEY)
        try:
            marks = JoinMarks() if raw is None else msgspec.json.decode(raw, type=JoinMarks)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreCorrupt(f"join store {self.name!r}: its marks do not decode: {raw!r}") from error
        self._saved_marks = marks
        self._stream_time_ms, self._look_again_ms = marks.stream_time_ms, marks.look_again_ms
        self._left_time_ms, self._right_time_ms = marks.times_ms
        self._number = marks.number
        self._rows: list[dict[Any, KeyRows]] = [{}, {}]
        self._buckets: list[dict[int, list[Any]]] = [{}, {}]
        """By side and bucket: the keys in memory that have rows in it."""
        self._count = 0
        self._fresh = []
        self._tombstones = []
        self._written, self._written_count = [{}, {}], 0
        for start, side in self._stored_buckets():
            self._buckets[side][start] = []
        self._is_complete = not any(self._buckets)

    def _stored_buckets(self) -> Iterator[tuple[int, int]]:
        # One seek per bucket and side.
        lower: bytes | None = PREFIX
        end = bytes((PREFIX[0] + 1,))
        while lower is not None and (row := next(self._store.scan(lower, end), None)) is not None:
            head = row[0][:_HEAD_END]
            yield int.from_bytes(head[1:9], "big"), head[9]
            lower = prefix_end(head)

    def _marks(self) -> JoinMarks:
        return JoinMarks(
            self._stream_time_ms,
            [self._left_time_ms, self._right_time_ms],
            self._look_again_ms,
            self._number,
        )

    def _time_of(self, side: int) -> i64:
        """The highest time of a row of this side that was taken."""
        return self._right_time_ms if side else self._left_time_ms

    def _keys_of(self, side: int, time_ms: i64) -> list[Any]:
        start = time_ms - time_ms % self._span_ms
        keys = self._buckets[side].get(start)
        if keys is None:
            keys = self._buckets[side][start] = []
            self._written[side][start] = []  # a bucket that is new has nothing in the store
        return keys

    def _entries(self, side: int, start: int) -> list[bytes]:
        """The stored keys of a bucket."""
        written = self._written[side].pop(start, None)
        if written is not None:
            self._written_count -= len(written)
            return written
        head = _head(start, side)
        return [key for key, _ in self._store.scan(head, prefix_end(head))]

    def _note_written(self, side: int, start: int, stored_key: bytes) -> None:
        """Remember an entry's key, of as many as there may be rows in memory."""
        written = self._written[side].get(start)
        if written is None:
            return
        if self._written_count >= self._clean_entries_max:
            self._written_count -= len(self._written[side].pop(start))
            return
        written.append(stored_key)
        self._written_count += 1

    def _rows_of(self, side: int, key: Any) -> KeyRows:
        rows = self._rows[side].get(key)
        if rows is not None:
            return rows
        rows = KeyRows(self._encode_key(key)) if self._is_complete else self._read(side, key)
        self._rows[side][key] = rows
        return rows

    def _read(self, side: int, key: Any) -> KeyRows:
        """All rows of a key that is not in memory; none of them has changed since the last commit."""
        rows = KeyRows(self._encode_key(key))
        for start in sorted(self._buckets[side]):
            prefix = _head(start, side) + rows.middle
            times: list[int] = []
            raws: list[bytes] = []
            for stored_key, raw in self._store.scan(prefix, prefix_end(prefix)):
                times.append(int.from_bytes(stored_key[-_tail.size : -8], "big"))
                raws.append(raw)
            if times:
                rows.times += times
                rows.values += self._codecs[side].decode(raws)
                self._buckets[side][start].append(key)
                self._count += len(times)
                self._rows[side][key] = rows
        return rows

    def _forget(self, side: int, keys: list[Any], bound: int) -> None:
        rows = self._rows[side]
        for key in set(keys):
            found = rows.get(key)
            if found is not None:
                self._count -= found.drop_until(bound)
                if not found.times:
                    del rows[key]

    def _evict(self) -> None:
        # First in, first out; what is not in the store stays.
        excess = self._count - self._clean_entries_max
        for side in (0, 1):
            keep = {fresh[1] for fresh in self._fresh if fresh[0] == side}
            rows = self._rows[side]
            for key in list(rows):
                if excess <= 0:
                    return
                if key not in keep:
                    count = len(rows.pop(key).times)
                    excess -= count
                    self._count -= count
                    self._is_complete = False

    def _encode_fresh(self, changes: list[Change]) -> None:
        span, rows = self._span_ms, self._rows
        encoders = [self._codecs[0].encode, self._codecs[1].encode]
        bounds = [self._time_of(side) - self.retention_ms for side in (LEFT, RIGHT)]
        heads: list[bytes] = [b"", b""]
        starts: list[int] = [-1, -1]
        for side, key, time, number, value in self._fresh:
            if time <= bounds[side]:
                continue
            start = time - time % span
            if start != starts[side]:
                starts[side], heads[side] = start, _head(start, side)
            entry: KeyRows = rows[side][key]
            stored_key = heads[side] + entry.middle + _tail.pack(time, number)
            changes.append((stored_key, encoders[side](value)))
            self._note_written(side, start, stored_key)

    def _encode_key(self, key: Any) -> bytes:
        encoded = self._key_codec.encode(key)
        if encoded is None:
            raise Misuse(f"key {key!r} of store {self.name!r} encodes to nothing; a key must have bytes")
        return encoded

    def _decode_key(self, code: bytes) -> Any:
        return _checked(self._key_codec.decode([code]), self.name)[0]


class _Checked:
    """A codec of stored values: what does not decode is an error that says why."""

    def __init__(self, codec: Codec, store: str) -> None:
        self._codec = codec
        self._store = store

    def encode(self, value: Any) -> bytes | None:
        return self._codec.encode(value)

    def decode(self, column: list[bytes]) -> list[Any]:
        return _checked(self._codec.decode(column), self._store)


def _checked(values: list[Any], store: str) -> list[Any]:
    for value in values:
        if type(value) is DecodeFailure:
            raise StoreUndecodable(
                f"join store {store!r} holds an entry that does not decode: {value.error}. If a type was "
                "changed, give the join's store a new name or reset the app"
            ) from value.error
    return values


def _head(start: int, side: int) -> bytes:
    return PREFIX + start.to_bytes(8, "big") + bytes((side,))


_key: Final = itemgetter(0)
