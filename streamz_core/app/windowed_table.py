"""A table by windows: ``counts[key] += 1``, ``counts[key].current()``.

Owns: ``WindowWrapper`` and ``WindowSet``: which windows an access is about, lateness, defaults.
Must not know: how windows are kept, when a task closes them (``window_closer``).

Faust's semantics: a write goes to every window that holds the time of the record in hand. The time
is the record's timestamp, or a field of its value after ``relative_to_field``.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, cast

from streamz_core.app.current import CURRENT, Cursor, in_hand, needed
from streamz_core.app.durations import Seconds, milliseconds
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.event import Event
from streamz_core.app.windows import TIME_AHEAD_MAX_MS, PerKey
from streamz_core.serde.codecs import kind
from streamz_core.streams.operators.key_times import KeyTimes, times_name

if TYPE_CHECKING:
    from streamz_core.app.services import AppServices
    from streamz_core.app.windows import HoppingWindow
    from streamz_core.state.expiring import ExpiringStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.processor import ProcessorContext

logger: Final = logging.getLogger(__name__)

_current: Final = CURRENT.get
_first: Final = operator.itemgetter(0)
_second: Final = operator.itemgetter(1)
_TIME_MAX_MS: Final = 1 << 53

OnLate = Any
"""A topic, or a function of the late ``Event``."""
OnWindowClose = Callable[[Any, Any], Awaitable[None] | None]
"""Called with ``(key, (start, end))``, times in seconds, and the window's final value."""
TimeOf = Callable[[Cursor], int]


class WindowWrapper:
    """A windowed table. ``counts[key]`` is that key's ``WindowSet``."""

    def __init__(
        self,
        app: AppServices,
        name: str,
        window: HoppingWindow,
        *,
        default: Callable[[], Any] | None = None,
        on_window_close: OnWindowClose | None = None,
        on_late: OnLate | None = None,
    ) -> None:
        """Made by ``table.tumbling`` and ``table.hopping``."""
        if iscoroutinefunction(on_late):
            raise ImproperlyConfigured(
                f"table {name!r}: on_late runs in the middle of a write and cannot await; give a plain "
                f"function or a topic"
            )
        self.app: Final = app
        self.name: Final = name
        self.window: Final = window
        self.size_ms: Final = window.size_ms
        self.default: Final = default
        self.on_window_close: Final = on_window_close
        self.on_late: Final = on_late
        self.own_time = False
        """Whether the table's time is that of the values written, not that of the records' topics."""
        self._time_of: TimeOf = _record_time
        self.closes_per_key: Final = isinstance(window.close, PerKey)
        self.tumbles_by_stream = window.size_ms == window.step_ms and not self.closes_per_key
        self._key_times: dict[str, KeyTimes] = {}
        """By the id of each open task of this process, the times of its keys."""

    def open_key_times(self, context: ProcessorContext) -> KeyTimes:
        """The times of a task's keys, for all who write there until ``close_key_times``."""
        close = self.window.close
        assert isinstance(close, PerKey)
        times = KeyTimes(times_name(self.name), close.behind_max_ms)
        times.open(cast("ExpiringStore", context.store(times.store_name)), context.window_store(self.name))
        self._key_times[context.task_id] = times
        return times

    def close_key_times(self, context: ProcessorContext) -> None:
        """The task is over."""
        self._key_times.pop(context.task_id, None)

    def relative_to_field(self, field: Any, *, unit: str = "s") -> WindowWrapper:
        """Take the time from a field of the value: a datetime, or a number of seconds (``unit="ms"``:
        milliseconds) since the epoch. ``field`` is ``View.at`` or its name.

        Lateness and closing then follow the highest time that was written to the table.
        """
        name = field if isinstance(field, str) else getattr(field, "__name__", None)
        if not isinstance(name, str) or unit not in ("s", "ms"):
            raise ImproperlyConfigured(
                f"table {self.name!r}: relative_to_field takes a field (View.at) or its name, and unit "
                f"'s' or 'ms'; got {field!r}, {unit!r}"
            )
        return self._relative_to(_field_time(self.name, name, 1000 if unit == "s" else 1))

    def relative_to(self, ts: Callable[[Event | None], float | datetime]) -> WindowWrapper:
        """Take the time from ``ts(event)``: a datetime, or seconds since the epoch."""

        def read(cursor: Cursor) -> int:
            return _to_ms(self.name, ts(Event(cursor.batch, cursor.index)), 1000)

        return self._relative_to(read)

    def relative_to_now(self) -> WindowWrapper:
        """Take the wall clock's time. Contents then depend on when records are processed."""
        return self._relative_to(lambda cursor: cursor.context.clock.now_ms())

    def relative_to_stream(self) -> WindowWrapper:
        """Take the records' timestamps; so it is unless said otherwise."""
        self._time_of, self.own_time = _record_time, False
        self.tumbles_by_stream = self.window.size_ms == self.window.step_ms and not self.closes_per_key
        return self

    def _relative_to(self, time_of: TimeOf) -> WindowWrapper:
        self._time_of, self.own_time, self.tumbles_by_stream = time_of, True, False
        return self

    def __getitem__(self, key: Any) -> WindowSet:
        """The windows of ``key``."""
        return WindowSet(key, self)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set ``key`` in every window that holds the time of the record in hand."""
        if type(value) is not WindowSet:  # the end of `counts[key] += 1`: it is written already
            WindowSet(key, self).assign(value)

    def __delitem__(self, key: Any) -> None:
        """Remove ``key`` from every window that holds the time of the record in hand."""
        WindowSet(key, self).assign(None)

    def __contains__(self, key: object) -> bool:
        """Whether ``key`` is in the current window."""
        return WindowSet(key, self).get() is not None

    def __iter__(self) -> Iterator[Any]:
        """The keys of the current window."""
        return self.keys()

    def keys(self) -> Iterator[Any]:
        """The keys of the current window."""
        return map(_first, self.items())

    def values(self) -> Iterator[Any]:
        """The values of the current window."""
        return map(_second, self.items())

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Keys and values of the current window: that of the record in hand, or of stream time."""
        cursor = in_hand()
        if cursor is not None:
            return self.store(cursor).items(self.last_start(self._time_of(cursor)))
        return self._current_items()

    def windows(self) -> Iterator[tuple[Any, tuple[float, float], Any]]:
        """Key, ``(start, end)`` in seconds, and value of everything that is kept, oldest window first."""
        cursor = in_hand()
        stores = [self.store(cursor)] if cursor is not None else [store for store, _ in self._snapshot()]
        return self._everything(stores)

    @property
    def late_count(self) -> int:
        """Records that came too late, over the partitions of this process and across restarts."""
        cursor = in_hand()
        if cursor is not None:
            return self.store(cursor).late_count
        return sum(store.late_count for store, _ in self._snapshot())

    def store(self, cursor: Cursor) -> WindowedStore:
        """The partition of the task at work."""
        store = cursor.windows.get(self.name)
        if store is None:
            self.app.check_partitions(self.name, cursor)
            cursor.use_table(self.name)
            store = cursor.windows[self.name] = cursor.context.window_store(self.name)
        return store

    def record_time_ms(self, cursor: Cursor) -> int:
        """The time of the record in hand, as this table takes it."""
        return self._time_of(cursor)

    def passed(self, cursor: Cursor, store: WindowedStore, key: Any, time_ms: int) -> int:
        """How far time has come for ``key``, which is written to at ``time_ms``."""
        if self.closes_per_key:
            starts = [start for start in self.window.starts_ms(time_ms) if start >= 0]
            latest_ms = cursor.batch.latest_ms
            if self.own_time:
                latest_ms = time_ms if self._believes(cursor, time_ms) else -1
            return self._key_times[cursor.context.task_id].observe(key, time_ms, starts, latest_ms)
        if self.own_time:
            return self.observe(cursor, store, time_ms)
        stream_time_ms: int = cursor.batch.stream_times[cursor.index]
        return stream_time_ms

    def observe(self, cursor: Cursor, store: WindowedStore, time_ms: int) -> int:
        """Tell the store of a time that is its own; its stream time, which no absurd time moves."""
        return store.observe(time_ms) if self._believes(cursor, time_ms) else store.stream_time_ms

    def _believes(self, cursor: Cursor, time_ms: int) -> bool:
        if time_ms > cursor.context.clock.now_ms() + TIME_AHEAD_MAX_MS:
            logger.warning(
                "table %r: topic %r partition %d offset %d has the time %d ms, too far ahead of the clock to be "
                "believed: it does not move the table's time",
                self.name, *cursor.batch.source, cursor.batch.offsets[cursor.index], time_ms,
            )  # fmt: skip
            return False
        return True

    def last_start(self, time_ms: int) -> int:
        """The start of the latest window that holds a time."""
        return time_ms - time_ms % self.window.step_ms

    def refuse_late(self, cursor: Cursor, store: WindowedStore) -> None:
        """A write came after its window had closed: count it, and hand it to ``on_late``."""
        store.count_late()
        if self.on_late is None:
            return
        event = Event(cursor.batch, cursor.index)
        if hasattr(self.on_late, "send"):
            event.forward(self.on_late)  # buffered in the transaction: nothing to wait for
        else:
            self.on_late(event)

    def reads(self, key: Any) -> Iterator[tuple[WindowedStore, int]]:
        """Stores to read ``key`` in outside agents, each with its time."""
        if not self.closes_per_key:
            yield from self._snapshot()
            return
        for context in self.app.contexts(self.name):
            yield context.window_store(self.name), max(0, self._key_times[context.task_id].time_of(key))

    def _current_items(self) -> Iterator[tuple[Any, Any]]:
        if not self.closes_per_key:
            for store, now_ms in self._snapshot():
                yield from store.items(self.last_start(now_ms))
            return
        for context in self.app.contexts(self.name):
            store, times = context.window_store(self.name), self._key_times[context.task_id]
            for key, start, _end, value in store.all():
                if start == self.last_start(max(0, times.time_of(key))):
                    yield key, value

    def _everything(self, stores: list[WindowedStore]) -> Iterator[tuple[Any, tuple[float, float], Any]]:
        for start in sorted({start for store in stores for start in store.starts()}):
            for store in stores:
                for key, value in store.items(start):
                    yield key, self.window.range_of(start), value

    def _snapshot(self) -> Iterator[tuple[WindowedStore, int]]:
        for context in self.app.contexts(self.name):
            store = context.window_store(self.name)
            yield store, max(0, store.stream_time_ms)

    def __repr__(self) -> str:
        return f"<WindowWrapper {self.name}>"


class WindowSet:
    """The windows of one key. Reading gives one window's value, in-place operators change all that hold
    the time of the record in hand.

    One is made by every ``counts[key]``.
    """

    __slots__ = ("key", "wrapper")

    def __init__(self, key: Any, wrapper: WindowWrapper) -> None:
        """``wrapper``'s windows of ``key``."""
        self.key = key
        self.wrapper = wrapper

    def get(self, default: Any = None) -> Any:
        """The value in the current window, or ``default``."""
        value = self._read(None)
        return default if value is None else value

    def current(self, event: Event | None = None) -> Any:
        """The value in the window of the record in hand, or of ``event``; outside agents, of stream time."""
        if event is not None:
            return self._or_default(self._read_at(round(event.message.timestamp * 1000)))
        return self._or_default(self._read(None))

    def value(self, event: Event | None = None) -> Any:
        """The same as ``current``, for the time the table is relative to."""
        return self.current(event)

    def now(self) -> Any:
        """The value in the window of the wall clock's time."""
        return self._or_default(self._read_at(self.wrapper.app.clock.now_ms()))

    def delta(self, d: Seconds, event: Event | None = None) -> Any:
        """The value in the window of the time ``d`` earlier."""
        back_ms = milliseconds(d, "window delta")
        if event is not None:
            return self._or_default(self._read_at(round(event.message.timestamp * 1000) - back_ms))
        return self._or_default(self._read(None, back_ms))

    def assign(self, value: Any) -> None:
        """Set the value in every window that holds the time of the record in hand; ``None`` deletes it."""
        self._write(None, value)

    def apply(self, op: Callable[[Any, Any], Any], value: Any, event: Event | None = None) -> WindowSet:
        """Replace the value ``v`` of every window by ``op(v, value)``."""
        del event  # the record in hand is the one there is
        self._write(op, value)
        return self

    def __iadd__(self, other: Any) -> WindowSet:
        """Add; the case worth a path of its own."""
        wrapper = self.wrapper
        cursor = _current(None)
        if cursor is None or cursor.index < 0 or not wrapper.tumbles_by_stream:
            return self.apply(operator.add, other)
        index, batch = cursor.index, cursor.batch
        time_ms: int = batch.timestamps[index]
        start = time_ms - time_ms % wrapper.size_ms
        store = cursor.windows.get(wrapper.name) or wrapper.store(cursor)
        if not store.add(self.key, start, other, batch.stream_times[index], wrapper.default):
            wrapper.refuse_late(cursor, store)
        return self

    def __isub__(self, other: Any) -> WindowSet:
        return self.apply(operator.sub, other)

    def __imul__(self, other: Any) -> WindowSet:
        return self.apply(operator.mul, other)

    def __itruediv__(self, other: Any) -> WindowSet:
        return self.apply(operator.truediv, other)

    def __ifloordiv__(self, other: Any) -> WindowSet:
        return self.apply(operator.floordiv, other)

    def __imod__(self, other: Any) -> WindowSet:
        return self.apply(operator.mod, other)

    def __ipow__(self, other: Any) -> WindowSet:
        return self.apply(operator.pow, other)

    def __iand__(self, other: Any) -> WindowSet:
        return self.apply(operator.and_, other)

    def __ior__(self, other: Any) -> WindowSet:
        return self.apply(operator.or_, other)

    def __ixor__(self, other: Any) -> WindowSet:
        return self.apply(operator.xor, other)

    def __ilshift__(self, other: Any) -> WindowSet:
        return self.apply(operator.lshift, other)

    def __irshift__(self, other: Any) -> WindowSet:
        return self.apply(operator.rshift, other)

    def __getitem__(self, event: Event) -> Any:
        """The value in the window of an event."""
        return self.current(event)

    def _write(self, op: Callable[[Any, Any], Any] | None, operand: Any) -> None:
        wrapper = self.wrapper
        cursor = needed(f"writing to table {wrapper.name!r}")
        store = wrapper.store(cursor)
        time_ms = wrapper.record_time_ms(cursor)
        stream_time_ms = wrapper.passed(cursor, store, self.key, time_ms)
        is_late = False
        for start in wrapper.window.starts_ms(time_ms):
            if start < 0 <= time_ms:
                continue  # the first hopping windows would begin before the epoch: there are none
            if store.late(start, stream_time_ms):
                is_late = True
                continue
            value = operand
            if op is not None:
                before = store.get(self.key, start)
                value = op(self._missing() if before is None else before, operand)
            store.put(self.key, start, value)
        if is_late:
            wrapper.refuse_late(cursor, store)

    def _read(self, _default: None, back_ms: int = 0) -> Any:
        wrapper = self.wrapper
        cursor = in_hand()
        if cursor is not None:
            start = wrapper.last_start(wrapper.record_time_ms(cursor) - back_ms)
            return wrapper.store(cursor).get(self.key, start)
        for store, now_ms in wrapper.reads(self.key):
            value = store.get(self.key, wrapper.last_start(now_ms - back_ms))
            if value is not None:
                return value
        return None

    def _read_at(self, time_ms: int) -> Any:
        wrapper = self.wrapper
        cursor = in_hand()
        start = wrapper.last_start(time_ms)
        if cursor is not None:
            return wrapper.store(cursor).get(self.key, start)
        for store, _ in wrapper.reads(self.key):
            value = store.get(self.key, start)
            if value is not None:
                return value
        return None

    def _or_default(self, value: Any) -> Any:
        return self._missing() if value is None else value

    def _missing(self) -> Any:
        default = self.wrapper.default
        if default is None:
            raise KeyError(self.key)
        return default()

    def __repr__(self) -> str:
        return f"<WindowSet {self.wrapper.name}[{self.key!r}]>"


def _record_time(cursor: Cursor) -> int:
    return cursor.timestamp_ms


def _field_time(table: str, name: str, factor: int) -> TimeOf:
    def read(cursor: Cursor) -> int:
        value = cursor.batch.values[cursor.index]
        found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        return _to_ms(table, found, factor, name)

    return read


def _to_ms(table: str, value: Any, factor: int, field: str | None = None) -> int:
    what = f"field {field!r}" if field else "relative_to"
    try:
        if isinstance(value, datetime):
            return round(value.timestamp() * 1000)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            time_ms = round(value * factor)
            if abs(time_ms) <= _TIME_MAX_MS:
                return time_ms
    except (ValueError, OverflowError):
        pass  # not a number, infinite, or a date outside the calendar
    raise ValueError(f"table {table!r}: {what} gives no time: expected datetime or number, got {kind(value)}")
