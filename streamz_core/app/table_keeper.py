"""``TableKeeper``: an app's tables in one task.

Owns: making them known to readers outside, and closing windows: when the final contents are handed to
``on_window_close``, and what stands in hand meanwhile.
Must not know: agents, how a store finds its closed windows.

It runs in the task, after each slice and on idle ticks: what ``on_window_close`` sends is committed with
the mark that the window is closed, so a final result is out exactly once.
"""

from __future__ import annotations

import asyncio
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.current import CURRENT, Cursor
from streamz_core.app.errors import AgentFailed
from streamz_core.app.windows import TIME_AHEAD_MAX_MS, AfterIdle, PerKey
from streamz_core.model import TopicPartition
from streamz_core.streams.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamz_core.app.activity import Activity, TaskActivity
    from streamz_core.app.windowed_table import OnWindowClose, WindowWrapper
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.operators.key_times import KeyTimes
    from streamz_core.streams.processor import ProcessorContext

TableContexts = dict[str, "dict[str, ProcessorContext]"]
"""By table: the open tasks of this process that hold it, by id."""


class TableKeeper:
    """All tables of a sub-topology, in one task."""

    def __init__(
        self,
        names: Sequence[str],
        wrappers: Sequence[WindowWrapper],
        contexts: TableContexts,
        activity: Activity,
    ) -> None:
        """This task is entered into ``contexts``, under every table's name, while it is open."""
        self._names: Final = tuple(names)
        self._wrappers: Final = tuple(wrappers)
        self._contexts: Final = contexts
        self._activity: Final = activity
        self._context: ProcessorContext
        self._cursor: Cursor
        self._task: TaskActivity

    async def open(self, context: ProcessorContext) -> None:
        """Idle time counts from here: windows left open by an earlier run close too."""
        self._context = context
        self._cursor = Cursor("on_window_close", context)
        self._task = self._activity.of(context)
        for name in self._names:
            self._contexts.setdefault(name, {})[context.task_id] = context
        self._key_times = {
            wrapper.name: wrapper.open_key_times(context)
            for wrapper in self._wrappers
            if wrapper.closes_per_key
        }

    async def process(self, batch: Batch, start: int, stop: int, *, may_yield: bool) -> int:
        """Nothing to do: the tables' processor has no sources of its own."""
        return stop

    async def flush(self) -> None:
        """Nothing is held back."""

    async def punctuate(self) -> None:
        """Close what stream time has passed, and what idle time has."""
        idle_ms = self._context.clock.monotonic_ms() - self._task.last_input_ms
        for wrapper in self._wrappers:
            if wrapper.closes_per_key:
                await self._close_per_key(wrapper, self._key_times[wrapper.name], idle_ms)
                continue
            store = self._context.window_store(wrapper.name)
            seen_ms = -1 if wrapper.own_time else self._task.time_of(wrapper.name)
            now_ms = store.observe(seen_ms)
            close = wrapper.window.close
            is_idle = isinstance(close, AfterIdle) and idle_ms >= close.idle_ms
            if is_idle and await self._context.is_silent(idle_ms):
                now_ms = max(now_ms, self._end_of_believed(store))
            await self._close_windows(wrapper, store, now_ms)

    async def close(self) -> None:
        """The task's stores are about to be closed: nobody may read them any more."""
        for name in self._names:
            self._contexts.get(name, {}).pop(self._context.task_id, None)
        for wrapper in self._wrappers:
            wrapper.close_key_times(self._context)
        self._activity.forget(self._context)

    async def _close_per_key(self, wrapper: WindowWrapper, times: KeyTimes, idle_ms: float) -> None:
        close = wrapper.window.close
        assert isinstance(close, PerKey)
        is_idle = close.idle_ms is not None and idle_ms >= close.idle_ms
        is_idle = is_idle and await self._context.is_silent(idle_ms)
        times.note_idle(self._context.clock.now_ms() + TIME_AHEAD_MAX_MS, is_idle=is_idle)
        # What a handler writes to the table may close more: nothing may be left for after the commit.
        while closed := times.take_closed():
            if wrapper.on_window_close is not None:
                await self._tell(wrapper, wrapper.on_window_close, closed)

    def _end_of_believed(self, store: WindowedStore) -> int:
        """When the last window closes. One of the far future must not make all to come late."""
        latest_ms = self._context.clock.now_ms() + TIME_AHEAD_MAX_MS
        last = max((start for start in store.starts() if start <= latest_ms), default=None)
        return -1 if last is None else last + store.size_ms + store.grace_ms

    async def _close_windows(self, wrapper: WindowWrapper, store: WindowedStore, now_ms: int) -> None:
        handler = wrapper.on_window_close
        if handler is None:
            store.close_unread(now_ms)
            return
        await self._tell(wrapper, handler, store.expire(now_ms))

    async def _tell(
        self, wrapper: WindowWrapper, handler: OnWindowClose, closed: Iterable[tuple[Any, int, Any]]
    ) -> None:
        token = CURRENT.set(self._cursor)
        try:
            for key, start, value in closed:
                self._hold(wrapper.name, key, value, start + wrapper.size_ms - 1)
                window = wrapper.window.range_of(start)
                await _call(wrapper.name, handler, (key, window), value)
        finally:
            self._cursor.index = -1
            CURRENT.reset(token)

    def _hold(self, table: str, key: Any, value: Any, timestamp: int) -> None:
        """Let the window's last millisecond be the record in hand."""
        source = TopicPartition(table, self._context.partition)
        batch = Batch(
            source=source,
            offsets=[-1],
            timestamps=[timestamp],
            time_before_ms=timestamp,
            latest_ms=timestamp,
            keys=[key],
            values=[value],
            raw_keys=[None],
            raw_values=[None],
            headers=None,
        )
        self._cursor.take_up(batch)
        self._cursor.index = 0


async def _call(table: str, handler: Any, key: tuple[Any, tuple[float, float]], value: Any) -> None:
    try:
        verdict = handler(key, value)
        if isawaitable(verdict):
            await verdict
    except (Exception, asyncio.CancelledError) as error:
        running = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and running is not None and running.cancelling():
            raise
        # User code that no record stands behind: nothing can be skipped, the process has to stop.
        raise AgentFailed(
            f"on_window_close of table {table!r} failed for key {key[0]!r}, window {key[1]}: {error!r}. The "
            f"window stays open and is closed again after a restart"
        ) from error
