"""``StreamJoin``: records of two streams that have one key and came close to each other.

Owns: which pairs there are, in which order they go on, and when a row without a partner goes on alone.
Must not know: how rows are kept.

Exactly Kafka Streams' order: a row is joined with all rows of the other side that can be seen, oldest first,
each result having the later time of the two. A left or outer join's row without a partner waits until its
window and grace have passed; such rows go on before the pairs of the row that brought the time, with their
own time (KIP-633). A row that comes so late that its window is over goes on at once.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.join_marks import NEVER
from streamz_core.streams.operator import OperatorContext
from streamz_core.streams.operators.joined import LEFT, RIGHT, Joined, TwoSided
from streamz_core.streams.rows import Rows


class StreamJoin(TwoSided):
    """``joiner(left, right)``, or with the key before them; None stands for a partner that did not come.

    Rows without value, or without key, are passed over; the latter go on alone where their side may.
    """

    def __init__(
        self,
        name: str,
        store: str,
        joiner: Callable[..., Any],
        *,
        before_ms: int,
        after_ms: int,
        grace_ms: int,
        left: bool = False,
        right: bool = False,
        with_key: bool = False,
    ) -> None:
        """A right row's partner is from ``before_ms`` earlier than a left row to ``after_ms`` later.

        ``left`` and ``right``: whether a side's rows may go on alone.
        """
        super().__init__(name)
        self._store_name = store
        self._joiner = joiner
        self._with_key = with_key
        self._looks_back = [before_ms, after_ms]
        self._looks_ahead = [after_ms, before_ms]
        self._grace_ms = grace_ms
        self._alone = [left, right]
        self._is_outer = left or right

    def open(self, context: OperatorContext) -> None:
        """Begin with the rows that are kept."""
        store: JoinBuffer = context.store(self._store_name)
        self._buffer = store

    def take(self, rows: Rows, index: int, side: int, joined: Joined) -> None:
        """The row's pairs, and the rows whose window is over before it."""
        key: Any = rows.keys[index]
        value: Any = rows.values[index]
        timestamp = rows.timestamps[index]
        buffer = self._buffer
        stream_time = buffer.observe(timestamp)
        if value is None:
            return
        if key is None:
            if self._alone[side]:
                joined.add(rows, index, None, self._joined(side, None, value, None), timestamp)
            return
        if self._is_outer and timestamp == stream_time:
            self._send_closed(rows, index, side, joined)
        end = max(0, timestamp + self._looks_ahead[side])
        others = buffer.find(1 - side, key, max(0, timestamp - self._looks_back[side]), end)
        for other_time, other in others:
            if self._is_outer:
                buffer.unmatched.discard(1 - side, key, other_time)
            pair = self._joined(side, key, value, other)
            joined.add(rows, index, key, pair, max(timestamp, other_time))
        if not others and self._alone[side]:
            if end < stream_time:
                joined.add(rows, index, key, self._joined(side, key, value, None), timestamp)
            else:
                buffer.add_unmatched(side, key, timestamp, value)
        buffer.put(side, key, timestamp, value)

    def _send_closed(self, rows: Rows, index: int, side: int, joined: Joined) -> None:
        buffer = self._buffer
        stream_time, look_again = buffer.stream_time_ms, buffer.look_again_ms
        if look_again == NEVER or look_again + self._looks_ahead[side] + self._grace_ms >= stream_time:
            return
        passed = stream_time - self._grace_ms
        closed = buffer.take_unmatched(passed - self._looks_ahead[LEFT], passed - self._looks_ahead[RIGHT])
        for time, closed_side, key, value in closed:
            joined.add(rows, index, key, self._joined(closed_side, key, value, None), time)

    def _joined(self, side: int, key: Any, value: Any, other: Any) -> Any:
        left, right = (value, other) if side == LEFT else (other, value)
        return self._joiner(key, left, right) if self._with_key else self._joiner(left, right)
