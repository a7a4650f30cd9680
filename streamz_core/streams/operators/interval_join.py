"""``IntervalJoin``: rows of two streams with one key whose times differ by an amount within bounds.

Owns: which pairs there are, when a row can find no partner any more, and when it goes on alone.
Must not know: how rows are kept.

The join's time is the highest of the rows of either side. A row is kept until that time has passed the last moment at
which a partner of it may be, by the grace: no pair is missed unless one of both comes later than that. Exactly
then a row without partner goes on alone, where its side may, before the row that brought the time is joined.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.streams.operator import OperatorContext
from streamz_core.streams.operators.joined import LEFT, RIGHT, Joined, TwoSided
from streamz_core.streams.rows import Rows


def retention_ms(lower_ms: int, upper_ms: int, grace_ms: int) -> int:
    """For how long the buffer must show rows: as long as those of either side are kept."""
    return max(upper_ms, -lower_ms, 0) + grace_ms + 1


class IntervalJoin(TwoSided):
    """``joiner(left, right)``, or with the key before them; None stands for a partner that did not come.

    Rows without value are passed over; rows without key go on alone where their side may.
    """

    def __init__(
        self,
        name: str,
        store: str,
        joiner: Callable[..., Any],
        *,
        lower_ms: int,
        upper_ms: int,
        grace_ms: int,
        left: bool = False,
        right: bool = False,
        with_key: bool = False,
    ) -> None:
        """A right row is at least ``lower_ms`` and at most ``upper_ms`` later than its left one; below 0: earlier.

        ``left`` and ``right``: whether a side's rows may go on alone.
        """
        super().__init__(name)
        self._store_name = store
        self._joiner = joiner
        self._with_key = with_key
        self._from_ms = [lower_ms, -upper_ms]
        """By side: from how much later than a row its partners are."""
        self._to_ms = [upper_ms, -lower_ms]
        self._grace_ms = grace_ms
        self._alone = [left, right]
        self._is_outer = left or right
        self._latest_ms = 0
        self._looked_ms = -1

    def open(self, context: OperatorContext) -> None:
        """Begin with the rows that are kept."""
        store: JoinBuffer = context.store(self._store_name)
        self._buffer = store
        self._context = context

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        """The pairs, and the rows that go on alone."""
        self._latest_ms = self._context.latest_timestamp_ms()
        return super().process_ports(inputs)

    def take(self, rows: Rows, index: int, side: int, joined: Joined) -> None:
        """The row's pairs, and the rows that can find no partner any more."""
        key: Any = rows.keys[index]
        value: Any = rows.values[index]
        timestamp = rows.timestamps[index]
        if value is None:
            return
        buffer = self._buffer
        is_believed = timestamp <= self._latest_ms
        now_ms = buffer.observe(timestamp) if is_believed else buffer.stream_time_ms
        if self._is_outer and now_ms > self._looked_ms:
            self._looked_ms = now_ms
            self._send_closed(rows, index, joined, now_ms - self._grace_ms)
        if key is None:
            if self._alone[side]:
                joined.add(rows, index, None, self._joined(side, None, value, None), timestamp)
            return
        is_kept = is_believed and timestamp + self._to_ms[side] + self._grace_ms >= now_ms
        if not self._pair(rows, index, side, joined, now_ms) and self._alone[side]:
            if is_kept:
                buffer.add_unmatched(side, key, timestamp, value)
            else:
                joined.add(rows, index, key, self._joined(side, key, value, None), timestamp)
        if is_kept:
            buffer.put(side, key, timestamp, value)

    def _pair(self, rows: Rows, index: int, side: int, joined: Joined, now_ms: int) -> bool:
        """Join the row with the rows of the other side; whether there are any."""
        key, value, timestamp, buffer = (
            rows.keys[index],
            rows.values[index],
            rows.timestamps[index],
            self._buffer,
        )
        kept_from = now_ms - self._grace_ms - self._to_ms[1 - side]
        start, end = timestamp + self._from_ms[side], timestamp + self._to_ms[side]
        if end < 0:
            return False
        others = buffer.find(1 - side, key, max(0, start, kept_from), end)
        for other_time, other in others:
            if self._is_outer:
                buffer.unmatched.discard(1 - side, key, other_time)
            joined.add(rows, index, key, self._joined(side, key, value, other), max(timestamp, other_time))
        return len(others) > 0

    def _send_closed(self, rows: Rows, index: int, joined: Joined, passed_ms: int) -> None:
        closed = self._buffer.take_unmatched(passed_ms - self._to_ms[LEFT], passed_ms - self._to_ms[RIGHT])
        for time, side, key, value in closed:
            joined.add(rows, index, key, self._joined(side, key, value, None), time)

    def _joined(self, side: int, key: Any, value: Any, other: Any) -> Any:
        left, right = (value, other) if side == LEFT else (other, value)
        return self._joiner(key, left, right) if self._with_key else self._joiner(left, right)
