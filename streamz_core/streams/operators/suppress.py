"""Holding updates back: until a time has passed, or until there are too many.

Owns: which updates wait, in which order they go, and what a full buffer does.
Must not know: which windows there are, how stores keep spans.

The first update of a key takes a place in the queue, by its time or its window's end; later ones take over that
place. What goes out replaces what went out before: the value before is that of the first update.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any

from streamz_core.errors import Fatal
from streamz_core.state.due import Span
from streamz_core.state.sessions import SessionStore
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.closing import Closing
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.rows import Rows


class BufferFull(Fatal):
    """A suppression holds back as much as it may, and was told to stop the app then."""


class Limits:
    """How long and how much is held back."""

    def __init__(self, wait_ms: int, *, by_window_end: bool = False, every_ms: int = 0) -> None:
        """``wait_ms`` from an update's time, or from its window's end.

        ``every_ms``: instead, until stream time comes to the next multiple of it.
        """
        self.wait_ms = wait_ms
        self.by_window_end = by_window_end
        self.every_ms = every_ms
        self.records_max: int = (1 << 63) - 1
        self.bytes_max: int = (1 << 63) - 1
        self.emits_early = False


class Suppress(Operator):
    """A table's updates, later and fewer of them."""

    def __init__(self, name: str, store: str, limits: Limits, closing: Closing) -> None:
        """``store`` keeps what is held back. Final results do not tell of windows that have none."""
        super().__init__(name)
        self._store_name = store
        self._limits = limits
        self._closing = closing
        self._queue: list[tuple[int, bytes, int, Span]] = []
        self._places: dict[Any, Span] = {}
        self._size_bytes = 0
        self._count = 0
        self._silent_since_ms = -1

    def open(self, context: OperatorContext) -> None:
        """Take up what is held back in the store."""
        self._store: SessionStore = context.store(self._store_name)
        self._closing.open(context)
        self._queue, self._places, self._size_bytes = [], {}, 0
        for span in self._store.all_spans():
            self._places[span.key] = span
            self._queue.append(self._place(span))
            self._size_bytes += self._size(span)
        heapify(self._queue)

    def process(self, rows: Rows) -> Rows | None:
        """What is due, or does not fit."""
        store, limits = self._store, self._limits
        out = _Out()
        latest_ms = self._closing.latest_ms()
        self._silent_since_ms = -1
        for index in range(len(rows.orders)):
            timestamp = rows.timestamps[index]
            if timestamp <= latest_ms:
                store.observe(timestamp)
            self._hold(rows, index, timestamp)
            order = rows.orders[index]
            self._emit_due(store.stream_time_ms - limits.wait_ms, order, out)
            while len(self._places) > limits.records_max or self._size_bytes > limits.bytes_max:
                if not limits.emits_early:
                    raise self._full()
                self._emit_first(order, out)
        return out.rows()

    def punctuate(self, now_ms: int) -> Rows | None:
        """Let time pass where no rows do."""
        if not self._places:
            return None
        store, limits = self._store, self._limits
        # Windows that take their end too close one millisecond later; for the others it does not matter.
        store.observe(self._closing.passed_ms(now_ms, store, limits.wait_ms + 1))
        out = _Out()
        self._emit_due(store.stream_time_ms - limits.wait_ms, -1, out)
        if limits.every_ms:
            self._emit_in_silence(now_ms, out)
        return out.rows()

    def _hold(self, rows: Rows, index: int, timestamp: int) -> None:
        key, limits = rows.keys[index], self._limits
        headers = () if rows.headers is None else rows.headers[index]
        old = None if rows.olds is None else rows.olds[index]
        held = self._places.get(key)
        if held is not None:
            self._size_bytes -= self._size(held)
            self._store.change(held, (self._store.value(held)[0], rows.values[index], timestamp, headers))
            self._size_bytes += self._size(held)
            return
        if limits.by_window_end:
            time: int = key.window.end
        elif limits.every_ms:
            time = timestamp - timestamp % limits.every_ms + limits.every_ms
        else:
            time = timestamp
        span = self._store.begin(key, 0, time, (old, rows.values[index], timestamp, headers))
        self._places[key] = span
        heappush(self._queue, self._place(span))
        self._size_bytes += self._size(span)

    def _place(self, span: Span) -> tuple[int, bytes, int, Span]:
        # The number decides nothing: keys with the same bytes are one key. It keeps spans from being compared.
        self._count += 1
        return (span.end, self._store.key_code(span.key), self._count, span)

    def _size(self, span: Span) -> int:
        return self._store.size_bytes(span) if self._limits.bytes_max < (1 << 63) - 1 else 0

    def _emit_due(self, until_ms: int, order: int, out: _Out) -> None:
        while self._queue and self._queue[0][0] <= until_ms:
            self._emit_first(order, out)

    def _emit_in_silence(self, now_ms: int, out: _Out) -> None:
        """What waits for a time that does not come, goes when the wall clock has gone on by as much."""
        if self._silent_since_ms < 0:
            self._silent_since_ms = now_ms
        if now_ms - self._silent_since_ms >= self._limits.every_ms:
            while self._queue:
                self._emit_first(-1, out)

    def _emit_first(self, order: int, out: _Out) -> None:
        span = heappop(self._queue)[3]
        old, new, timestamp, headers = self._store.value(span)
        self._size_bytes -= self._size(span)
        del self._places[span.key]
        self._store.remove(span)
        # Nothing was told of a window before its end: there is nothing to delete.
        if new is not None or not self._limits.by_window_end:
            out.add(span.key, old, new, timestamp, headers, order)

    def _full(self) -> BufferFull:
        limits = self._limits
        return BufferFull(
            f"suppression {self.name!r} holds back {len(self._places)} keys and {self._size_bytes} bytes, and "
            f"may hold {limits.records_max} keys and {limits.bytes_max} bytes: give it a larger BufferConfig, or "
            "emit_early_when_full()"
        )


class _Out:
    """Rows that go out."""

    def __init__(self) -> None:
        self._found = Rows([], [], [], [], [], olds=[])

    def add(self, key: Any, old: Any, new: Any, timestamp: int, headers: Any, order: int) -> None:
        found = self._found
        assert found.headers is not None and found.olds is not None  # noqa: PT018
        found.keys.append(key)
        found.values.append(new)
        found.timestamps.append(timestamp)
        found.orders.append(order)
        found.headers.append(headers)
        found.olds.append(old)

    def rows(self) -> Rows | None:
        return self._found if len(self._found) else None


class PriorOrCurrent:
    """A suppressed table, looked up: what was told of a key last."""

    def __init__(self, buffer: SessionStore, current: Any) -> None:
        """``current`` is the table behind, which ``get(key)`` looks up."""
        self._buffer = buffer
        self._current = current

    def get(self, key: Any) -> Any:
        """The value of ``key`` before the update that is held back, or as it is."""
        held = self._buffer.find(key, 0, 0)
        if not held:
            return self._current.get(key)
        old = self._buffer.value(held[0])[0]
        return None if old is None else (old, -1)


def prior_or_current(context: OperatorContext, buffer: str, current: TableView) -> PriorOrCurrent:
    """The suppressed form of the table ``current``."""
    return PriorOrCurrent(context.store(buffer), current.open(context))
