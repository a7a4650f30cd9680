"""``KeyTimes``: a time for each key, by which its windows close, whatever other keys' clocks say.

Owns: what a key's time is, where it is kept, which of a key's windows have closed or ended, and when its time may
be forgotten.
Must not know: aggregates, rows, what is told of a window.

A key's time is the highest timestamp of its own rows, kept in a store beside the windows, with the start of its
youngest window: what is late follows from records alone, and is the same after a restart. No key's time is behind
the window store's, which is the time that has passed for all of them: it moves only where keys may not be behind
for ever (``behind_max_ms``), or by the wall clock. What it has passed ends for all keys at once, and a key whose
time and windows it has passed is forgotten: it would stand there anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.stamped import StampedCodec
from streamz_core.serde.stored import StoredValueCodec
from streamz_core.state.store_time import UNKNOWN
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.state.expiring import ExpiringStore
    from streamz_core.state.windowed import WindowedStore
    from streamz_core.streams.operators.closing import Closing


class _Moved:
    """A key whose time has moved, or that has begun windows, since what had closed was told."""

    __slots__ = ("before_ms", "begun", "youngest")

    def __init__(self, before_ms: int, youngest: int) -> None:
        self.before_ms = before_ms
        self.youngest = youngest
        """The start of its youngest window then: between that and ``begun`` it has none, however far it has come."""
        self.begun: set[int] = set()
        """The starts of all that are younger."""


class KeyTimes:
    """The times of one window store's keys, in one task."""

    def __init__(self, store: str, behind_max_ms: int | None = None) -> None:
        """``store`` keeps stamped ``[time, start of the youngest window]`` by key.

        ``behind_max_ms``: time passes for a key that is further behind the latest row of all keys.
        """
        self.store_name: Final = store
        self._behind_max_ms = behind_max_ms
        self._moved: dict[Any, _Moved] = {}
        """Since ``settle``."""
        self._was_idle = False

    def open(self, times: ExpiringStore, windows: WindowedStore) -> None:
        """Begin with the stores as they are."""
        self._times = times
        self._windows = windows
        if windows.starts() and next(times.items(), None) is None:
            # They closed by the time of all keys until now, which none of these is behind.
            for key, start, _end, _value in windows.all():
                self._move(key, UNKNOWN, [start])

    def observe(self, key: Any, timestamp: int, starts: Sequence[int], latest_ms: int) -> int:
        """A row is at hand that belongs to the windows at ``starts``; its key's time now.

        A timestamp behind ``latest_ms`` is not believed, and moves no time.
        """
        windows = self._windows
        self._was_idle = False
        is_believed = timestamp <= latest_ms
        if is_believed and self._behind_max_ms is not None:
            windows.observe(timestamp - self._behind_max_ms)
        time_ms, youngest = self._entry(key)
        before_ms = max(time_ms, windows.stream_time_ms)
        now_ms = timestamp if is_believed and timestamp > before_ms else before_ms
        moved = self._moved.get(key)
        known = youngest if moved is None else moved.youngest
        begun = [start for start in starts if start > known and not windows.late(start, now_ms)]
        if now_ms > before_ms or begun:
            self._move(key, now_ms if now_ms > before_ms else time_ms, begun)
        return now_ms

    def time_of(self, key: Any) -> int:
        """The key's time now; -1 where none has come."""
        return max(self._entry(key)[0], self._windows.stream_time_ms)

    def pass_time(self, now_ms: int, closing: Closing) -> None:
        """Let time pass where no rows do: for all keys by the wall clock, and after idleness for each that is open."""
        is_idle = closing.is_idle()
        self.note_idle(closing.latest_ms(), is_idle=is_idle)
        if not is_idle:
            self._windows.observe(closing.passed_ms(now_ms, self._windows, self._windows.grace_ms))

    def note_idle(self, latest_ms: int, *, is_idle: bool) -> None:
        """In idleness the windows that are open close, but for those of times that are not believed."""
        if is_idle and not self._was_idle:
            self._close_all(latest_ms)
        self._was_idle = is_idle

    def take_closed(self) -> list[tuple[Any, int, Any]]:
        """``closed`` and ``settle``: for who tells of what closed at once."""
        closed = self.closed()
        self.settle()
        return closed

    def closed(self) -> list[tuple[Any, int, Any]]:
        """``(key, start, value)`` of what has closed since ``settle``, each once, the oldest windows first."""
        windows = self._windows
        passed_ms = windows.stream_time_ms
        found = [row for row in windows.expire(passed_ms) if not self._was_told(row[0], row[1])]
        own: list[tuple[Any, int, Any]] = []
        for key, moved in self._moved.items():
            for start in self._ended(key, moved, windows.grace_ms):
                value = windows.get(key, start)
                if value is not None:
                    own.append((key, start, value))
        own.sort(key=_by_start)
        return found + own

    def settle(self) -> None:
        """What has closed is told: let go of the windows whose retention is over. A commit follows."""
        windows = self._windows
        for key, moved in self._moved.items():
            for start in self._ended(key, moved, windows.retention_ms):
                if windows.get(key, start) is not None:
                    windows.remove(key, start)
        self._moved = {}
        self._times.observe(windows.stream_time_ms)

    def _entry(self, key: Any) -> tuple[int, int]:
        stamped = self._times.get(key)
        if stamped is None:
            return UNKNOWN, UNKNOWN
        time_ms, youngest = stamped[0]
        return time_ms, youngest

    def _move(self, key: Any, time_ms: int, begun: list[int]) -> None:
        """Set the time of a key that has rows in windows at these starts, the youngest last."""
        before_ms, youngest = self._entry(key)
        moved = self._moved.get(key)
        if moved is None:
            moved = self._moved[key] = _Moved(before_ms, youngest)
        if begun:
            moved.begun.update(begun)
            youngest = max(youngest, begun[-1])
        windows = self._windows
        gone_ms = windows.end(youngest) + windows.retention_ms if youngest > UNKNOWN else UNKNOWN
        self._times.put(key, ([time_ms, youngest], time_ms, max(time_ms, gone_ms)))

    def _was_told(self, key: Any, start: int) -> bool:
        moved = self._moved.get(key)
        before_ms = self._entry(key)[0] if moved is None else moved.before_ms
        return self._windows.end(start) + self._windows.grace_ms <= before_ms

    def _ended(self, key: Any, moved: _Moved, kept_ms: int) -> list[int]:
        """The starts of windows that the key, and no time of all keys, has passed by ``kept_ms`` since it moved."""
        windows = self._windows
        after_ms = max(moved.before_ms, windows.stream_time_ms) - kept_ms
        by_ms = self._entry(key)[0] - kept_ms
        ended = windows.starts_ended(after_ms, by_ms, moved.youngest)
        ended += [start for start in moved.begun if after_ms < windows.end(start) <= by_ms]
        return ended

    def _close_all(self, latest_ms: int) -> None:
        windows = self._windows
        for start in windows.starts():
            closes_ms = windows.end(start) + windows.grace_ms
            if start > latest_ms:
                return
            if closes_ms <= windows.stream_time_ms:
                continue
            for key, _ in windows.items(start):
                if self._entry(key)[0] < closes_ms:
                    self._move(key, closes_ms, [])


def times_name(windows: str) -> str:
    """The name of the store of the keys' times, beside the store of their windows."""
    return f"{windows}-key-times"


def key_times_store(windows: StoreSpec) -> StoreSpec:
    """That store: kept as the windows are."""
    return StoreSpec(
        times_name(windows.name),
        StoreKind.KEY_VALUE,
        windows.key_codec,
        StampedCodec(StoredValueCodec(f"time of a key of store {windows.name!r}")),
        expires=True,
        in_memory=windows.in_memory,
        changelog=windows.changelog,
        changelog_config=windows.changelog_config,
    )


def _by_start(row: tuple[Any, int, Any]) -> int:
    return row[1]
