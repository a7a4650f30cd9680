"""``SessionStore``: values by key and span of time: sessions, sliding windows, what is held back until a time.

Owns: the spans of every key, which of them were handed out as ended and which are dropped, and the marks of
both, which are part of the store and of its changelog.
Must not know: changelog topics, when spans are merged, wall-clock time.

The times of all spans that are kept are in memory (about 300 bytes a span), so that finding those of a key costs
no look into the store; their values are a write-back cache. A span has *ended* when stream time has passed its
end by so much as the store's user says, and is *dropped* once stream time has passed it by the retention.

A stored key is Kafka's: the encoded key, the end and the start, 8 bytes big-endian each. Compiled where a
compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.errors import Misuse
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.due import Due, Span
from streamz_core.state.entry_account import EntryAccount
from streamz_core.state.key_codes import KeyCodes
from streamz_core.state.marks import Marks
from streamz_core.state.store import StoreCorrupt, StoreUndecodable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.state.store import Change, Codec, Store

MARKS_KEY: Final = b"marks"
"""Shorter than the times of any span."""
LOAD_ENTRIES: Final = 1_000
BUCKETS: Final = 16
"""Into how many parts the retention is cut, to find what is to be dropped."""

_times: Final = struct.Struct(">qq")
_UNLOADED: Final[Any] = object()
_first = itemgetter(0)


class SessionStore:
    """One partition of a session store, as operators see it: decoded keys and values by span.

    ``None`` is no value: putting it deletes. A value that is changed in place must be put again.
    """

    def __init__(
        self,
        store: Store,
        key_codec: Codec,
        value_codec: Codec,
        *,
        retention_ms: int | None,
        budget: CacheBudget | None = None,
    ) -> None:
        """``retention_ms`` counts from a span's end; None keeps it until it is deleted.

        ``budget`` is what the values share with other caches; without one they have their own.
        """
        self._store = store
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._key_codes = KeyCodes(self._encode_key)
        self.retention_ms = retention_ms
        self.account: Final = EntryAccount(budget or CacheBudget(), self._unload)
        self._pending: list[Change] | None = None
        self._pending_marks = Marks()
        self._marks = self._saved_marks = Marks()
        self._dirty: list[Span] = []
        self._removed: list[bytes] = []
        self._loaded = 0
        self._spans: dict[Any, list[Span]] = {}
        self._ending: Due | None = None
        self._dropping: Due | None = None
        self._load()

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def dirty_records(self) -> int:
        """About how many records the next ``collect`` will give."""
        return len(self._dirty) + len(self._removed) + (self._marks != self._saved_marks)

    @property
    def stream_time_ms(self) -> int:
        """The highest timestamp the store was told of, across restarts; -1 before the first."""
        return self._marks.stream_time_ms

    @property
    def late_count(self) -> int:
        """Records counted late, across restarts."""
        return self._marks.late_count

    def observe(self, time_ms: int) -> int:
        """Tell the store of a record's time; returns its stream time, the highest it was told of."""
        marks = self._marks
        marks.stream_time_ms = max(marks.stream_time_ms, time_ms)
        return marks.stream_time_ms

    def count_late(self, records: int = 1) -> None:
        """Count records that were not taken because they came too late."""
        self._marks.late_count += records

    # -- spans ----------------------------------------------------------------------------------------

    def find(self, key: Any, earliest_end: int, latest_start: int) -> list[Span]:
        """The spans of ``key`` that end at ``earliest_end`` or later and start at ``latest_start`` or before.

        In the order of their ends. Spans past the retention are not found, dropped already or not.
        """
        spans = self._spans.get(key)
        if spans is None:
            return []
        bound = self._visible_from()
        earliest_end = max(earliest_end, bound)
        return [span for span in spans if span.end >= earliest_end and span.start <= latest_start]

    def find_exact(self, key: Any, start: int, end: int) -> Span | None:
        """The span of ``key`` with these times."""
        for span in self._spans.get(key, ()):
            if span.start == start and span.end == end:
                return span
        return None

    def all_spans(self) -> list[Span]:
        """All there are, dropped ones apart."""
        return [span for spans in self._spans.values() for span in spans]

    def key_code(self, key: Any) -> bytes:
        """The bytes of ``key``."""
        return self._key_codes[key]

    def size_bytes(self, span: Span) -> int:
        """How many bytes a span takes in the store."""
        return len(self._stored_key(span)) + len(self._value_codec.encode(self.value(span)) or b"")

    def value(self, span: Span) -> Any:
        """The value of a span that was found."""
        if span.value is _UNLOADED:
            stored_key = self._stored_key(span)
            raw = self._store.get(stored_key)
            if raw is None:
                raise StoreCorrupt(f"store {self.name!r} lost the value of {stored_key!r}")
            value = span.value = self._decode_value(raw, stored_key)
            self.account.loaded(None, span, value, len(stored_key) + len(raw))
            return value  # not the span's: where there is no room it may have gone again
        return span.value

    def get(self, key: Any, start: int, end: int) -> Any:
        """The value of ``key`` from ``start`` to ``end``, or None."""
        span = self.find_exact(key, start, end)
        return None if span is None else self.value(span)

    def put(self, key: Any, start: int, end: int, value: Any) -> Span | None:
        """Set the value of ``key`` from ``start`` to ``end``; None deletes it. The span, if it is there."""
        span = self.find_exact(key, start, end)
        if span is None:
            return None if value is None else self.begin(key, start, end, value)
        self.change(span, value)
        return None if value is None else span

    def begin(self, key: Any, start: int, end: int, value: Any) -> Span:
        """Add a span that is not there yet."""
        span = Span(key, start, end, value)
        span.is_dirty = True
        self._dirty.append(span)
        self._enter(span)
        return span

    def change(self, span: Span, value: Any) -> None:
        """Set the value of a span that was found; None deletes it."""
        if value is None:
            self.remove(span)
            return
        span.value = value
        if not span.is_dirty:
            span.is_dirty = True
            self._dirty.append(span)

    def extend(self, span: Span, start: int, end: int, value: Any) -> None:
        """Give a span that is not in the store yet other times; the end not before the one it has."""
        assert not span.is_stored
        span.start, span.end = start, end
        self.change(span, value)
        spans = self._spans[span.key]
        if len(spans) > 1:
            spans.sort(key=_by_times)

    def remove(self, span: Span) -> None:
        """Delete a span that was found."""
        span.is_gone = True
        if self.account.has(None, span):
            self.account.forget(None, span)
        spans = self._spans[span.key]
        spans.remove(span)
        if not spans:
            del self._spans[span.key]
        if span.is_stored:
            self._removed.append(self._stored_key(span))

    # -- reading from outside -------------------------------------------------------------------------

    def fetch(self, key: Any, start: int = 0, stop: int | None = None) -> list[tuple[int, int, Any]]:
        """``(start, end, value)`` of the spans of ``key`` that touch ``start <= time < stop``, oldest first."""
        latest = (1 << 63) if stop is None else stop - 1
        return [(span.start, span.end, self.value(span)) for span in self.find(key, start, latest)]

    def find_sessions(self, key: Any, earliest_end: int, latest_start: int) -> list[tuple[int, int, Any]]:
        """``(start, end, value)`` of the spans of ``key`` that end and start there, or nearer (Kafka's name)."""
        return [
            (span.start, span.end, self.value(span)) for span in self.find(key, earliest_end, latest_start)
        ]

    def fetch_session(self, key: Any, start: int, end: int) -> Any:
        """The same as ``get`` (Kafka's name)."""
        return self.get(key, start, end)

    def delete(self, key: Any, start: int, end: int) -> None:
        """Remove the span of ``key`` with these times; what is not there stays away."""
        self.put(key, start, end, None)

    def fetch_all(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[Any, int, int, Any]]:
        """``(key, start, end, value)`` of all spans that touch ``start <= time < stop``; keys in no order."""
        for key in list(self._spans):
            for found in self.fetch(key, start, stop):
                yield (key, *found)

    # -- the passing of time --------------------------------------------------------------------------

    def expire(self, before_ms: int) -> Iterator[tuple[Any, int, int, Any]]:
        """Hand out ``(key, start, end, value)`` of every span that ended before this time, each once.

        By their ends, then starts, then the bytes of their keys. Run it to its end before the next commit. A
        span that is put again after that is handed out again only if it ends later now.
        """
        if self._ending is None:
            self._ending = self._ending_from(self._marks.closed_before_ms)
        for span in self._in_order(self._ending.ended(before_ms)):
            yield span.key, span.start, span.end, self.value(span)
        self._marks.closed_before_ms = max(self._marks.closed_before_ms, before_ms)

    def drop_expired(self, stream_time_ms: int) -> None:
        """Let go of the spans whose retention is over. The task's stream time has no say: the store has its own."""
        if self._dropping is not None:
            for span in self._dropping.ended(self._visible_from()):
                self.remove(span)

    def last_end(self, latest_ms: int) -> int:
        """The latest end that is not after ``latest_ms``; -1 where there is none."""
        ends = [span.end for spans in self._spans.values() for span in spans if span.end <= latest_ms]
        return max(ends, default=-1)

    def _visible_from(self) -> int:
        return -1 if self.retention_ms is None else self._marks.stream_time_ms - self.retention_ms

    def _ending_from(self, closed_before_ms: int) -> Due:
        ending = Due(self._bucket_ms())
        for spans in self._spans.values():
            for span in spans:
                if span.end >= closed_before_ms:
                    ending.file(span)
        return ending

    def _in_order(self, spans: list[Span]) -> list[Span]:
        codes = self._key_codes
        ordered = [((span.end, span.start, codes[span.key]), span) for span in spans]
        ordered.sort(key=_first)
        return [span for _, span in ordered]

    def _bucket_ms(self) -> int:
        return 1_000 if self.retention_ms is None else self.retention_ms // BUCKETS + 1

    # -- as tasks see it ------------------------------------------------------------------------------

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
        changes: dict[bytes, bytes | None] = dict.fromkeys(self._removed)
        encode = self._value_codec.encode
        kept = [span for span in self._dirty if not span.is_gone]
        encoded: list[Change] = [(self._stored_key(span), encode(span.value)) for span in kept]
        changes.update(encoded)
        self.account.changed(None, kept, encoded, [span.value for span in kept])
        for span in self._dirty:
            span.is_dirty = False
            span.is_stored = span.is_stored or not span.is_gone
        if self._marks != self._saved_marks:
            changes[MARKS_KEY] = msgspec.json.encode(self._marks)
        self._dirty, self._removed = [], []
        self._pending = sorted(changes.items(), key=_first)
        self._pending_marks = msgspec.structs.replace(self._marks)
        return self._pending

    def committed(self, position: int) -> None:
        """The collected changes are in the changelog, which ends at ``position``: write them."""
        assert self._pending is not None, "committed() without collect()"
        self._store.write(self._pending, position)
        self._pending = None
        self._saved_marks = self._pending_marks
        self.settle()
        self.account.budget.make_room()

    def settle(self) -> None:
        """Tell the budget what is held now. Loads and commits do; changes count from the next call on."""
        self.account.settle(len(self._dirty), self._dirty[-1].value if self._dirty else None)

    def discard(self) -> None:
        """Forget everything that is not in the store."""
        self._pending = None
        self._load()

    def _unload(self, size_bytes: int) -> None:
        # First in, first out. What is pending is not in the store yet.
        if self._pending is not None:
            return
        for span in self.account.entries(None):
            if size_bytes <= 0:
                return
            if not span.is_dirty:
                span.value = _UNLOADED
                size_bytes -= self.account.forget(None, span)

    def _load(self) -> None:
        self._dirty, self._removed = [], []
        self.account.forget_all()
        self._spans = {}
        self._ending = None
        self._dropping = None if self.retention_ms is None else Due(self._bucket_ms())
        raw = self._store.get(MARKS_KEY)
        try:
            self._marks = Marks() if raw is None else msgspec.json.decode(raw, type=Marks)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreCorrupt(f"session store {self.name!r}: its marks do not decode: {raw!r}") from error
        self._saved_marks = msgspec.structs.replace(self._marks)
        waiting: list[bytes] = []
        for stored_key, _ in self._store.scan():
            if stored_key != MARKS_KEY:
                waiting.append(stored_key)
            if len(waiting) == LOAD_ENTRIES:
                self._enter_stored(waiting)
                waiting = []
        self._enter_stored(waiting)

    def _enter_stored(self, stored_keys: list[bytes]) -> None:
        keys = self._key_codec.decode([stored_key[: -_times.size] for stored_key in stored_keys])
        for stored_key, key in zip(stored_keys, keys, strict=True):
            end, start = _times.unpack(stored_key[-_times.size :])
            span = Span(self._checked(key, stored_key), start, end, _UNLOADED)
            span.is_stored = True
            self._enter(span)

    def _enter(self, span: Span) -> None:
        spans = self._spans.get(span.key)
        if spans is None:
            self._spans[span.key] = [span]
        else:
            spans.append(span)
            if len(spans) > 1:
                spans.sort(key=_by_times)
        if self._dropping is not None:
            self._dropping.file(span)
        if self._ending is not None:
            self._ending.file(span)

    # -- bytes ----------------------------------------------------------------------------------------

    def _stored_key(self, span: Span) -> bytes:
        return self._key_codes[span.key] + _times.pack(span.end, span.start)

    def _encode_key(self, key: Any) -> bytes:
        encoded = self._key_codec.encode(key)
        if encoded is None:
            raise Misuse(f"key {key!r} of store {self.name!r} encodes to nothing; a key must have bytes")
        return encoded

    def _decode_value(self, raw: bytes, stored_key: bytes) -> Any:
        return self._checked(self._value_codec.decode([raw])[0], stored_key)

    def _checked(self, value: Any, stored_key: bytes) -> Any:
        if type(value) is DecodeFailure:
            raise StoreUndecodable(
                f"session store {self.name!r} holds an entry that does not decode (key {stored_key!r}): "
                f"{value.error}. If the table's type was changed, give the table a new name or reset the app"
            ) from value.error
        return value


def _by_times(span: Span) -> tuple[int, int]:
    return (span.end, span.start)
