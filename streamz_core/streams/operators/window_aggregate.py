"""Aggregation by key and window.

Owns: which windows a row belongs to, lateness, and what is told of a window: updates, or its final result.
Must not know: how stores keep values, which windows there are.

Time is the highest timestamp of the rows that came to this operator, kept with the store: what is late follows
from records alone, and is the same after a restart, unless windows are to close without records. Or each key has
a time of its own (``KeyTimes``). A window takes rows until that time reaches its end and grace. What the updates of
a commit replace is known by the store: it notes what each value was when it first changed.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.state.pane import DELETED, Pane
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.closing import Closing
from streamz_core.streams.operators.key_times import KeyTimes
from streamz_core.streams.operators.late_rows import LateRows
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.updates import Updates
from streamz_core.streams.rows import Rows
from streamz_core.streams.windowed_key import Window, Windowed


class WindowAggregate(Operator):
    """``aggregator(key, value, aggregate)`` in each window of a row, beginning with ``initializer()``.

    Without an initializer the first value is the first aggregate. Rows without key are passed over.
    """

    def __init__(
        self,
        name: str,
        store: str,
        starts: Callable[[int], list[int]],
        aggregator: Callable[[Any, Any, Any], Any],
        initializer: Callable[[], Any] | None,
        *,
        tumbling_ms: int = 0,
        counts: bool = False,
        caching: bool = True,
        final: bool = False,
        late: bool = False,
        closing: Closing | None = None,
        by_key: KeyTimes | None = None,
    ) -> None:
        """``store`` keeps stamped aggregates; ``starts(timestamp)`` are those of a row's windows.

        ``tumbling_ms``: windows of this size one after the other, and ``starts`` need not be asked; ``counts``:
        the aggregator adds 1. ``final``: only what a window holds when it closes is sent on. ``late``: rows that
        come too late are sent on too, marked. ``closing``: when time passes without rows. ``by_key``: each key has
        a time of its own.
        """
        super().__init__(name)
        self._store_name = store
        self._starts = starts
        self._aggregator = aggregator
        self._initializer = initializer
        self._tumbling_ms = tumbling_ms
        self._counts = counts
        self._final = final
        self._tells_each = not caching and not final
        self._late = LateRows() if late else None
        self._closing = Closing() if closing is None else closing
        self._by_key = by_key
        self._deleted_at: dict[Any, int] = {}
        self._begin(0)

    def open(self, context: OperatorContext) -> None:
        """Begin with the store as it is."""
        self._store: WindowedStore = context.store(self._store_name)
        self._closing.open(context)
        if self._by_key is not None:
            self._by_key.open(context.store(self._by_key.store_name), self._store)

    def process(self, rows: Rows) -> Rows | None:
        """The updates, or nothing where they wait."""
        if self._by_key is not None:
            return self._process_by_key(rows, self._by_key)
        keys, timestamps, size_ms = rows.keys, rows.timestamps, self._tumbling_ms
        is_plain = self._counts and not self._tells_each
        latest_ms = self._closing.latest_ms()
        stream_time_ms: int = self._store.stream_time_ms
        self._begin(stream_time_ms)
        index = 0
        try:
            for index in range(len(keys)):
                if keys[index] is None:
                    continue
                timestamp: int = timestamps[index]
                if stream_time_ms < timestamp <= latest_ms:
                    stream_time_ms = timestamp
                if size_ms:
                    start: int = timestamp - timestamp % size_ms
                    if not (is_plain and self._counted(keys[index], start, timestamp, stream_time_ms)):
                        self._take(rows, index, start, stream_time_ms)
                else:
                    for begin in self._starts(timestamp):
                        self._take(rows, index, begin, stream_time_ms)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        self._store.observe(stream_time_ms)
        made = self._updates.rows()
        return made if self._late is None else self._late.beside(made)

    def _process_by_key(self, rows: Rows, by_key: KeyTimes) -> Rows | None:
        keys, timestamps, size_ms = rows.keys, rows.timestamps, self._tumbling_ms
        latest_ms = self._closing.latest_ms()
        self._begin(0)
        index = 0
        try:
            for index in range(len(keys)):
                key, timestamp = keys[index], timestamps[index]
                if key is None:
                    continue
                starts = [timestamp - timestamp % size_ms] if size_ms else self._starts(timestamp)
                key_time_ms = by_key.observe(key, timestamp, starts, latest_ms)
                for begin in starts:
                    self._take(rows, index, begin, key_time_ms)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        made = self._updates.rows()
        return made if self._late is None else self._late.beside(made)

    def flush(self) -> Rows | None:
        """One update for each key and window that changed; or what closed."""
        made: Rows | None = None
        if not self._tells_each:
            made = self._closed() if self._final else self._changed()
            made = made if self._late is None else self._late.beside(made)
        if self._by_key is not None:
            self._by_key.settle()
        return made

    def punctuate(self, now_ms: int) -> Rows | None:
        """Let time pass where no rows do."""
        store = self._store
        if self._by_key is not None:
            self._by_key.pass_time(now_ms, self._closing)
        else:
            store.observe(self._closing.passed_ms(now_ms, store, store.grace_ms))
        return None

    def _closed(self) -> Rows | None:
        store, updates = self._store, Updates()
        window: Window | None = None
        closed = store.expire(store.stream_time_ms) if self._by_key is None else self._by_key.closed()
        for key, start, stamped in closed:
            if window is None or window.start != start:
                window = Window(start, store.end(start))
            updates.held_back(Windowed(key, window), None, stamped)
        return updates.rows()

    def _changed(self) -> Rows | None:
        updates = Updates()
        deleted_at, self._deleted_at = self._deleted_at, {}
        for start, pane in self._store.changed():
            window, values = Window(start, self._store.end(start)), pane.values
            for key, old in pane.dirty.items():
                before = None if old is DELETED else old
                new = values[key]
                if new is DELETED:
                    updates.held_back(Windowed(key, window), before, None, deleted_at[(key, start)])
                else:
                    updates.held_back(Windowed(key, window), before, new)
        return updates.rows()

    # -- one row in one window ------------------------------------------------------------------------

    def _begin(self, stream_time_ms: int) -> None:
        """Forget which window the last row was in, and what was told."""
        self._updates = Updates()
        self._pane_start = -1
        self._pane_closes_ms = -1
        self._pane: Pane | None = None

    def _counted(self, key: Any, start: int, timestamp: int, stream_time_ms: int) -> bool:
        """Count a row of a key that was counted before in the window of the row before; False for all others."""
        pane = self._pane
        if pane is None or start != self._pane_start or self._pane_closes_ms <= stream_time_ms:
            return False
        old: Any = pane.values.get(key)
        if old is None or old is DELETED or key not in pane.dirty:
            return False
        count: int = old[0]
        newest: int = old[1]
        pane.values[key] = (count + 1, timestamp if newest < timestamp else newest)
        return True

    def _take(self, rows: Rows, index: int, start: int, stream_time_ms: int) -> None:
        pane = self._pane
        if pane is None or start != self._pane_start:
            if self._store.late(start, stream_time_ms):
                self._came_late(rows, index, start)
                return
            pane = self._store.pane(start)
            self._pane, self._pane_start = pane, start
            self._pane_closes_ms = self._store.end(start) + self._store.grace_ms
        elif self._pane_closes_ms <= stream_time_ms:
            self._came_late(rows, index, start)
            return
        key = rows.keys[index]
        old = pane.values.get(key)
        if old is None:
            old = self._store.get(key, start)
        elif old is DELETED:
            old = None
        timestamp = rows.timestamps[index]
        newest = timestamp if old is None or old[1] < timestamp else old[1]
        aggregate = self._next(rows, index, old)
        if key not in pane.dirty:
            pane.dirty[key] = old
        new: Any = None
        if aggregate is not None:
            new = (aggregate, newest)
            pane.values[key] = new
        else:
            pane.values[key] = DELETED
            self._deleted_at[(key, start)] = timestamp
        if self._tells_each:
            window = Window(start, self._store.end(start))
            self._updates.add(rows, index, Windowed(key, window), old, new, newest)

    def _next(self, rows: Rows, index: int, old: Any) -> Any:
        if self._counts:
            return 1 if old is None else old[0] + 1
        if old is not None:
            return self._aggregator(rows.keys[index], rows.values[index], old[0])
        if self._initializer is None:
            return rows.values[index]
        return self._aggregator(rows.keys[index], rows.values[index], self._initializer())

    def _came_late(self, rows: Rows, index: int, start: int) -> None:
        self._store.count_late()
        if self._late is not None:
            self._late.add(rows, index, Window(start, self._store.end(start)))
