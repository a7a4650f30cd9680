"""``Unmatched``: rows of a stream-stream join that found no partner so far, in the order in which they go on.

Owns: that order, which of them are closed, their entries in the store, and what of these changed.
Must not know: joiners, rows that did find a partner, when it is asked.

The order is that of Kafka Streams' store for the same: time, then the right side before the left, then the
encoded key, then arrival. Rows of one side, time and key share an entry, and one partner takes them all away.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.state.join_marks import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.state.store import Change, Store

PREFIX: Final = b"\x02"
LEFT: Final = 0
RIGHT: Final = 1

_TIME_END: Final = 9
_SIDE_END: Final = 10
Entry = tuple[int, int, bytes]
"""Time, 0 for the right side and 1 for the left, encoded key."""


class Waiting:
    """The rows of one side, time and key."""

    def __init__(self, key: Any, code: bytes) -> None:
        """``code`` is the encoded key."""
        self.key = key
        self.code = code
        self.values: list[Any] = []


class Unmatched:
    """The unmatched rows of one partition of a join; all of them are in memory."""

    def __init__(self, store: Store, codecs: list[Any], decode_key: Callable[[bytes], Any]) -> None:
        """``codecs`` are those of the left and the right values."""
        self._store = store
        self._codecs = codecs
        self._decode_key = decode_key
        self.load()

    def load(self) -> None:
        """Begin with what is stored."""
        self._waiting: list[dict[int, dict[Any, Waiting]]] = [{}, {}]
        self._times: list[list[int]] = [[], []]
        self._changed: dict[Entry, Any] = {}
        self._stored: set[Entry] = set()
        for stored_key, raw in self._store.scan(PREFIX, _behind(PREFIX)):
            time, rank = int.from_bytes(stored_key[1:_TIME_END], "big"), stored_key[_TIME_END]
            code, side = stored_key[_SIDE_END:], 1 - rank
            for value in self._codecs[side].decode(msgspec.msgpack.decode(raw)):
                self._put(side, self._decode_key(code), code, time, value)
            self._stored.add((time, rank, code))

    @property
    def changes(self) -> int:
        """How many entries the next ``collect`` will give at most."""
        return len(self._changed)

    def add(self, side: int, key: Any, code: bytes, time: int, value: Any) -> None:
        """A row that found no partner."""
        self._put(side, key, code, time, value)
        self._changed[(time, 1 - side, code)] = key

    def discard(self, side: int, key: Any, time: int) -> None:
        """A partner was found for the rows of this side, key and time."""
        at_time = self._waiting[side].get(time)
        if at_time is None:
            return
        found = at_time.pop(key, None)
        if found is None:
            return
        self._changed[(time, 1 - side, found.code)] = key
        if not at_time:
            del self._waiting[side][time]

    def take(self, left_before: int, right_before: int) -> tuple[list[tuple[int, int, Any, Any]], int]:
        """The rows that are closed, as (time, side, key, value), and from when on to look again.

        Closed are left rows before the time ``left_before`` and right rows before ``right_before``.
        """
        taken = self._taken(LEFT, left_before) + self._taken(RIGHT, right_before)
        taken.sort(key=_order)
        rows: list[tuple[int, int, Any, Any]] = []
        for time, rank, found in taken:
            self._changed[(time, rank, found.code)] = found.key
            rows += [(time, 1 - rank, found.key, value) for value in found.values]
        return rows, self._look_again(rows[-1][0] if rows else -1)

    def collect(self) -> list[Change]:
        """What changed since the last time, as entries of the store."""
        changes: list[Change] = []
        for entry, key in self._changed.items():
            time, rank, code = entry
            side = 1 - rank
            found = self._waiting[side].get(time, {}).get(key)
            stored_key = PREFIX + time.to_bytes(8, "big") + bytes((rank,)) + code
            if found is not None:
                encode = self._codecs[side].encode
                changes.append(
                    (stored_key, msgspec.msgpack.encode([encode(value) for value in found.values]))
                )
                self._stored.add(entry)
            elif entry in self._stored:
                changes.append((stored_key, None))
                self._stored.discard(entry)
        self._changed = {}
        return changes

    def _put(self, side: int, key: Any, code: bytes, time: int, value: Any) -> None:
        waiting = self._waiting[side]
        at_time = waiting.get(time)
        if at_time is None:
            at_time = waiting[time] = {}
            times = self._times[side]
            if not times or time > times[-1]:
                times.append(time)
            elif times[bisect_left(times, time)] != time:
                insort(times, time)
        found = at_time.get(key)
        if found is None:
            found = at_time[key] = Waiting(key, code)
        found.values.append(value)

    def _taken(self, side: int, before: int) -> list[tuple[int, int, Waiting]]:
        times, waiting = self._times[side], self._waiting[side]
        count = bisect_left(times, before)
        taken: list[tuple[int, int, Waiting]] = []
        for time in times[:count]:
            taken += [(time, 1 - side, found) for found in waiting.pop(time, {}).values()]
        del times[:count]
        return taken

    def _look_again(self, last_taken: int) -> int:
        """The time of the entry at which Kafka Streams' walk over its store ends.

        It walks until it has seen an open row of each side and one more row; where there are none of one
        side, to the end. Until stream time passes that row's window, it does not walk again.
        """
        left, right = self._first(LEFT), self._first(RIGHT)
        if NEVER in (left, right):
            last = max(self._last(LEFT), self._last(RIGHT), last_taken)
            return NEVER if last < 0 else last
        time, side = (left, LEFT) if left >= right else (right, RIGHT)
        at_time = self._waiting[side][time].values()
        if sum(len(found.values) for found in at_time) > 1:
            return time
        # At one time, right rows come before left ones.
        later = min(self._after(LEFT, time + 1 if side == LEFT else time), self._after(RIGHT, time + 1))
        return time if later == NEVER else later

    def _first(self, side: int) -> int:
        return self._after(side, 0)

    def _after(self, side: int, time: int) -> int:
        times, waiting = self._times[side], self._waiting[side]
        index = bisect_left(times, time)
        stale = index
        while stale < len(times) and times[stale] not in waiting:
            stale += 1
        del times[index:stale]
        return times[index] if index < len(times) else NEVER

    def _last(self, side: int) -> int:
        times, waiting = self._times[side], self._waiting[side]
        while times and times[-1] not in waiting:
            times.pop()
        return times[-1] if times else -1


def _order(taken: tuple[int, int, Waiting]) -> Entry:
    return taken[0], taken[1], taken[2].code


def _behind(prefix: bytes) -> bytes:
    return bytes((prefix[0] + 1,))
