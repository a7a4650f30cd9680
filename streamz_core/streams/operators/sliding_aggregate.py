"""Aggregation by key and sliding window: every distinct set of rows no further apart than a time difference.

Owns: which windows a row is in and which it begins, lateness, and what is told.
Must not know: how stores keep spans, which bytes they are.

A window takes both its ends. A row at ``t`` has a window that ends at ``t`` (its left one), and one that begins
right behind it (its right one) as soon as another row falls into that. So every set of rows within the time
difference has one window. A window's aggregate carries the time of its latest row: that tells whether a window
on the left reaches up to this row. Windows do not begin before the epoch: the first one, from 0, takes all that
would.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from streamz_core.state.due import Span
from streamz_core.state.sessions import SessionStore
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.closing import Closing
from streamz_core.streams.operators.late_rows import LateRows
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.updates import Updates
from streamz_core.streams.rows import Rows
from streamz_core.streams.windowed_key import Window, Windowed

UNCHANGING: Final = frozenset({int, str, float, bool, bytes, type(None)})
"""Types whose values two windows can share."""


class SlidingAggregate(Operator):
    """``aggregator(key, value, aggregate)`` in each window of a row, beginning with ``initializer()``.

    Rows without key or value are passed over.
    """

    def __init__(
        self,
        name: str,
        store: str,
        difference_ms: int,
        grace_ms: int,
        *,
        aggregator: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
        caching: bool = True,
        final: bool = False,
        late: bool = False,
        closing: Closing | None = None,
    ) -> None:
        """``store`` keeps stamped aggregates by window.

        ``final``: only what a window holds when it closes is sent on. ``late``: rows that come too late are sent
        on too, marked. ``closing``: when time passes without rows.
        """
        super().__init__(name)
        self._store_name = store
        self._difference_ms = difference_ms
        self._grace_ms = grace_ms
        self._aggregator = aggregator
        self._initializer = initializer
        self._final = final
        self._caching = caching and not final
        self._late = LateRows() if late else None
        self._closing = Closing() if closing is None else closing
        self._updates = Updates()
        self._before: dict[Span, Any] = {}
        self._deleted_at: dict[Span, int] = {}

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store: SessionStore = context.store(self._store_name)
        self._closing.open(context)

    def process(self, rows: Rows) -> Rows | None:
        """The updates, or nothing where they wait."""
        self._updates = Updates()
        latest_ms = self._closing.latest_ms()
        index = 0
        try:
            for index in range(len(rows.keys)):
                if rows.keys[index] is None or rows.values[index] is None:
                    continue
                timestamp = rows.timestamps[index]
                if timestamp <= latest_ms:
                    self._store.observe(timestamp)
                if timestamp + self._difference_ms < self._closed_before_ms():
                    self._store.count_late()
                    if self._late is not None:
                        window = Window(timestamp, timestamp + self._difference_ms)
                        self._late.add(rows, index, window)
                else:
                    self._take(rows, index, timestamp)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        made = self._updates.rows()
        return made if self._late is None else self._late.beside(made)

    def flush(self) -> Rows | None:
        """One update for each window that changed; or what closed."""
        made = self._closed() if self._final else self._changed()
        return made if self._late is None else self._late.beside(made)

    def punctuate(self, now_ms: int) -> Rows | None:
        """Let time pass where no rows do."""
        # A window takes its end too: it closes one millisecond later.
        self._store.observe(self._closing.passed_ms(now_ms, self._store, self._grace_ms + 1))
        return None

    def _closed(self) -> Rows | None:
        updates = Updates()
        for key, start, end, stamped in self._store.expire(self._closed_before_ms()):
            updates.held_back(Windowed(key, Window(start, end)), None, stamped)
        return updates.rows()

    def _changed(self) -> Rows | None:
        updates = Updates()
        before, self._before = self._before, {}
        deleted_at, self._deleted_at = self._deleted_at, {}
        for span, old in before.items():
            new = None if span.is_gone else self._store.value(span)
            key = Windowed(span.key, Window(span.start, span.end))
            updates.held_back(key, old, new, deleted_at.get(span, -1))
        return updates.rows()

    def _closed_before_ms(self) -> int:
        return self._store.stream_time_ms - self._grace_ms

    # -- one row --------------------------------------------------------------------------------------

    def _take(self, rows: Rows, index: int, timestamp: int) -> None:
        key, difference_ms = rows.keys[index], self._difference_ms
        # All windows that may hold the row or end right before it, and the one that begins right behind it.
        earliest_end = max(difference_ms, timestamp - difference_ms)
        found = self._store.find(key, earliest_end, timestamp + 1)
        if timestamp < difference_ms:
            self._take_early(rows, index, timestamp, found)
            return
        starts = {span.start for span in found}
        right: Any = None
        left: Any = None
        previous = -1
        for span in reversed(found):
            stamped = self._store.value(span)
            if span.end > timestamp:
                if span.start > timestamp:
                    continue
                if right is None:
                    right = stamped
                self._update(rows, index, span.start, span, stamped)
            elif span.end == timestamp:
                self._update(rows, index, span.start, span, stamped)
                if stamped[1] >= timestamp:
                    return  # a row of the same time was there: all windows are
                previous = stamped[1]
            else:
                left, previous = stamped, stamped[1]
                break
        if previous >= 0 and previous + 1 not in starts and previous + 1 + difference_ms >= timestamp:
            self._begin(rows, index, previous + 1)
        if timestamp - difference_ms not in starts:
            if left is not None and previous >= timestamp - difference_ms:
                self._update(rows, index, timestamp - difference_ms, None, (left[0], timestamp))
            else:
                self._begin(rows, index, timestamp - difference_ms)
        if timestamp + 1 not in starts and right is not None and right[1] > timestamp:
            self._copy_right(rows, index, timestamp, right)

    def _take_early(self, rows: Rows, index: int, timestamp: int, found: list[Span]) -> None:
        """A row whose left window would begin before the epoch."""
        starts = {span.start for span in found}
        right: Any = None
        first: Any = None
        first_span: Span | None = None
        previous = -1
        for span in found:
            stamped = self._store.value(span)
            if span.start == 0:
                first, first_span = stamped, span
                if stamped[1] < timestamp:
                    previous = stamped[1]
            elif span.start <= timestamp:
                right = stamped
                self._update(rows, index, span.start, span, stamped)
        if right is None and first is not None and first[1] > timestamp:
            right = first
        if timestamp + 1 not in starts and right is not None and right[1] > timestamp:
            self._copy_right(rows, index, timestamp, right)
        if previous >= 0 and previous + 1 not in starts:
            self._begin(rows, index, previous + 1)
        if first_span is None:
            self._begin(rows, index, 0)
        else:
            self._update(rows, index, 0, first_span, first)

    def _begin(self, rows: Rows, index: int, start: int) -> None:
        initial = None if self._initializer is None else self._initializer()
        self._update(rows, index, start, None, (initial, rows.timestamps[index]))

    def _update(self, rows: Rows, index: int, start: int, span: Span | None, base: Any) -> None:
        """Add the row to ``base``, the stamped aggregate of its window or what that begins with."""
        if start + self._difference_ms < self._closed_before_ms():
            self._store.count_late()
            return
        value, timestamp = rows.values[index], rows.timestamps[index]
        if base[0] is None:
            aggregate = value if self._initializer is None else self._added(rows, index, None)
            newest = timestamp
        else:
            aggregate = self._added(rows, index, base[0])
            newest = max(timestamp, base[1])
        new = None if aggregate is None else (aggregate, newest)
        self._put(rows, index, start, span, new, newest)

    def _added(self, rows: Rows, index: int, aggregate: Any) -> Any:
        # Windows begin with what others hold: an aggregator that changes a list must not change theirs.
        if type(aggregate) not in UNCHANGING:
            aggregate = deepcopy(aggregate)
        return self._aggregator(rows.keys[index], rows.values[index], aggregate)

    def _copy_right(self, rows: Rows, index: int, timestamp: int, right: Any) -> None:
        """Begin the row's right window: it holds what a window that held the row held before the row."""
        self._put(rows, index, timestamp + 1, None, right, right[1])

    def _put(
        self,
        rows: Rows,
        index: int,
        start: int,
        span: Span | None,
        new: Any,
        deleted_at: int,
    ) -> None:
        store, key = self._store, rows.keys[index]
        end = start + self._difference_ms
        if span is None:
            # A row's left window may be the right one of the row before it, and have begun just now.
            span = store.find_exact(key, start, end)
        old = None if span is None else store.value(span)
        if span is not None:
            store.change(span, new)
        elif new is not None:
            span = store.begin(key, start, end, new)
        if self._final:
            return
        if not self._caching:
            self._updates.add(rows, index, Windowed(key, Window(start, end)), old, new, deleted_at)
        elif span is not None:
            if span not in self._before:
                self._before[span] = old
            if new is None:
                self._deleted_at[span] = rows.timestamps[index]
