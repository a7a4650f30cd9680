"""Aggregation by key and session.

Owns: which sessions a row joins, what becomes of those it joins together, lateness, and what is told.
Must not know: how stores keep spans, which bytes they are.

A session reaches from its first row to its last one; a row belongs to it that is at most the gap away. A row
that lies between two sessions makes one of both: the two are deleted from the table, the joined one is new.
Sessions are told with their ends as times. A session takes rows until stream time has passed its end by the gap
and the grace.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.state.due import Span
from streamz_core.state.sessions import SessionStore
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.closing import Closing
from streamz_core.streams.operators.late_rows import LateRows
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.updates import Updates
from streamz_core.streams.rows import Rows
from streamz_core.streams.windowed_key import Window, Windowed


class SessionAggregate(Operator):
    """``aggregator(key, value, aggregate)``, beginning with ``initializer()`` joined with what was there.

    ``merger(key, one, other)`` joins the aggregates of two sessions. Rows without key are passed over.
    """

    def __init__(
        self,
        name: str,
        store: str,
        gap_ms: int,
        grace_ms: int,
        *,
        aggregator: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any],
        merger: Callable[[Any, Any, Any], Any],
        counts: bool = False,
        caching: bool = True,
        final: bool = False,
        late: bool = False,
        closing: Closing | None = None,
    ) -> None:
        """``store`` keeps the aggregates by session.

        ``counts``: the aggregator adds 1, the merger adds. ``final``: only what a session holds when it closes is
        sent on. ``late``: rows that come too late are sent on too, marked. ``closing``: when time passes without
        rows.
        """
        super().__init__(name)
        self._store_name = store
        self._gap_ms = gap_ms
        self._closes_after_ms = gap_ms + grace_ms
        self._aggregator = aggregator
        self._initializer = initializer
        self._merger = merger
        self._counts = counts
        self._final = final
        self._caching = caching and not final
        self._late = LateRows() if late else None
        self._closing = Closing() if closing is None else closing
        self._updates = Updates()
        self._before: dict[Span, Any] = {}

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store: SessionStore = context.store(self._store_name)
        self._closing.open(context)

    def process(self, rows: Rows) -> Rows | None:
        """The updates, or nothing where they wait."""
        self._updates = Updates()
        keys, timestamps, store = rows.keys, rows.timestamps, self._store
        latest_ms = self._closing.latest_ms()
        index = 0
        try:
            for index in range(len(keys)):
                if keys[index] is not None:
                    if timestamps[index] <= latest_ms:
                        store.observe(timestamps[index])
                    self._take(rows, index)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        made = self._updates.rows()
        return made if self._late is None else self._late.beside(made)

    def flush(self) -> Rows | None:
        """One update for each session that changed; or what closed."""
        made = self._closed() if self._final else self._changed()
        return made if self._late is None else self._late.beside(made)

    def punctuate(self, now_ms: int) -> Rows | None:
        """Let time pass where no rows do."""
        # A session that ends when the closing time is reached is open still: one millisecond more.
        self._store.observe(self._closing.passed_ms(now_ms, self._store, self._closes_after_ms + 1))
        return None

    def _closed(self) -> Rows | None:
        updates = Updates()
        for key, start, end, value in self._store.expire(self._closed_before_ms()):
            updates.held_back(Windowed(key, Window(start, end)), None, (value, end))
        return updates.rows()

    def _changed(self) -> Rows | None:
        store, updates = self._store, Updates()
        before, self._before = self._before, {}
        for span, old in before.items():
            end = span.end
            new = None if span.is_gone else (store.value(span), end)
            key = Windowed(span.key, Window(span.start, end))
            updates.held_back(key, None if old is None else (old, end), new, end)
        return updates.rows()

    def _closed_before_ms(self) -> int:
        return self._store.stream_time_ms - self._closes_after_ms

    # -- one row --------------------------------------------------------------------------------------

    def _take(self, rows: Rows, index: int) -> None:
        store, key, timestamp = self._store, rows.keys[index], rows.timestamps[index]
        found = store.find(key, timestamp - self._gap_ms, timestamp + self._gap_ms)
        start = end = timestamp
        for span in found:
            start, end = min(start, span.start), max(end, span.end)
        if end < self._closed_before_ms():
            store.count_late()
            if self._late is not None:
                self._late.add(rows, index, Window(start, end))
            return
        aggregate = self._next(rows, index, found)
        if self._caching:
            self._put_held(key, found, start, end, aggregate)
        else:
            self._put(rows, index, found, Window(start, end), aggregate)

    def _next(self, rows: Rows, index: int, found: list[Span]) -> Any:
        store = self._store
        if self._counts:
            count = 1
            for span in found:
                count += store.value(span)
            return count
        key = rows.keys[index]
        aggregate = self._initializer()
        for span in found:
            aggregate = self._merger(key, aggregate, store.value(span))
        return self._aggregator(key, rows.values[index], aggregate)

    def _put_held(self, key: Any, found: list[Span], start: int, end: int, aggregate: Any) -> None:
        """Change the store, and note what was told of the sessions that change."""
        store, before = self._store, self._before
        if len(found) == 1 and not found[0].is_stored and aggregate is not None:
            # Begun since the last commit, and only grown: nobody was told of it, or of its end before.
            store.extend(found[0], start, end, aggregate)
            return
        same: Span | None = None
        for span in found:
            if span.start == start and span.end == end:
                same = span
                continue
            old = before.pop(span) if span in before else store.value(span)
            if old is not None:
                before[span] = old
            store.remove(span)
        if same is not None:
            # Told of last: after the sessions that it took in.
            before[same] = before.pop(same) if same in before else store.value(same)
            store.change(same, aggregate)
        elif aggregate is not None:
            before[store.begin(key, start, end, aggregate)] = None

    def _put(self, rows: Rows, index: int, found: list[Span], window: Window, aggregate: Any) -> None:
        """Change the store, and tell of everything: joined sessions are deleted, even where one stays."""
        store, updates, key = self._store, self._updates, rows.keys[index]
        start, end = window
        is_point = start == end
        same: Span | None = None
        for span in found:
            if not is_point and not self._final:
                told = Windowed(key, Window(span.start, span.end))
                updates.add(rows, index, told, (store.value(span), span.end), None, span.end)
            if span.start == start and span.end == end:
                same = span
            else:
                store.remove(span)
        old = (store.value(same), end) if same is not None and is_point else None
        if same is not None:
            store.change(same, aggregate)
        elif aggregate is not None:
            store.begin(key, start, end, aggregate)
        if not self._final:
            new = None if aggregate is None else (aggregate, end)
            updates.add(rows, index, Windowed(key, window), old, new, end)
