"""``AsofJoin``: each row of one stream with the row of another stream that is nearest in time.

Owns: which row that is, how long a left row waits for it, and when it goes on.
Must not know: how rows are kept.

The join's time is the highest of the rows of either side. A left row is decided once that time has passed its own by
the grace and, where what comes after it counts, by the tolerance: with all right rows that came until then. One
that comes later than that is decided at once. Of right rows of one key and time the last one counts.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from streamz_core.state.versioned import VersionedRecord, VersionedStore
from streamz_core.streams.operator import OperatorContext
from streamz_core.streams.operators.held_rows import Held, HeldRows
from streamz_core.streams.operators.joined import LEFT, Joined, TwoSided
from streamz_core.streams.rows import Rows


class Strategy(Enum):
    """Which right row is meant."""

    BACKWARD = "backward"
    """The latest one that is not later than the left row."""
    FORWARD = "forward"
    """The earliest one that is not earlier."""
    NEAREST = "nearest"
    """The nearer of both; where both are as near, the earlier one."""


class AsofJoin(TwoSided):
    """``joiner(left, right)``, or with the key before them. Rows without value are passed over."""

    def __init__(
        self,
        name: str,
        store: str,
        joiner: Callable[..., Any],
        *,
        strategy: Strategy,
        tolerance_ms: int | None,
        grace_ms: int,
        left: bool,
        with_key: bool = False,
        waiting: str | None = None,
        encode_key: Callable[[Any], bytes | None],
    ) -> None:
        """``store`` has the right rows as versions of their keys; ``waiting`` the left ones, where any wait.

        ``tolerance_ms``: how far apart two rows may be; None: as far as you like, for ``BACKWARD`` alone.
        ``left``: rows that find nothing go on too, joined with None.
        """
        super().__init__(name)
        self._store_name = store
        self._joiner = joiner
        self._strategy = strategy
        self._tolerance_ms = tolerance_ms
        self._waits_ms = grace_ms + (0 if strategy is Strategy.BACKWARD else tolerance_ms or 0)
        self._left = left
        self._with_key = with_key
        self._waiting_name = waiting
        self._encode_key = encode_key
        self._held: HeldRows | None = None

    def open(self, context: OperatorContext) -> None:
        """Begin with the rows that are kept."""
        self._versions: VersionedStore = context.store(self._store_name)
        if self._waiting_name is not None:
            self._held = HeldRows(context.store(self._waiting_name), self._encode_key)

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        """The rows that are decided."""
        made = super().process_ports(inputs)
        if self._held is not None:
            self._held.save()
        return made

    def take(self, rows: Rows, index: int, side: int, joined: Joined) -> None:
        """Keep the row; decide what its time allows."""
        key, value, timestamp = rows.keys[index], rows.values[index], rows.timestamps[index]
        if value is None:
            return
        now_ms = self._versions.observe(timestamp)
        if side != LEFT:
            if key is not None:
                self._versions.put(key, value, timestamp)
        elif self._held is None or key is None or timestamp + self._waits_ms < now_ms:
            headers = () if rows.headers is None else rows.headers[index]
            self._decide((timestamp, key, value, headers), rows, index, joined)
        else:
            self._held.put(rows, index)
        if self._held is not None:
            while (row := self._held.take_until(now_ms - self._waits_ms)) is not None:
                self._decide(row, rows, index, joined)

    def _decide(self, row: Held, rows: Rows, index: int, joined: Joined) -> None:
        """Send a left row on, as the row at ``index`` lets it."""
        timestamp, key, value, headers = row
        found = None if key is None else self._find(key, timestamp)
        if found is None and not self._left:
            return
        other = None if found is None else found.value
        result = self._joiner(key, value, other) if self._with_key else self._joiner(value, other)
        joined.add(rows, index, key, result, timestamp, headers=headers)

    def _find(self, key: Any, timestamp: int) -> VersionedRecord | None:
        before = after = None
        if self._strategy is not Strategy.FORWARD:
            before = self._versions.get(key, timestamp)
            if before is not None and self._is_far(timestamp - before.timestamp):
                before = None
        if self._strategy is not Strategy.BACKWARD:
            after = self._after(key, timestamp)
        if before is None or after is None:
            return after if before is None else before
        return before if timestamp - before.timestamp <= after.timestamp - timestamp else after

    def _after(self, key: Any, timestamp: int) -> VersionedRecord | None:
        assert self._tolerance_ms is not None, "a join that looks ahead has a tolerance"
        earliest: VersionedRecord | None = None
        for version in self._versions.history(key, timestamp, timestamp + self._tolerance_ms + 1):
            if version.timestamp >= timestamp:
                earliest = version  # they come newest first
        return earliest

    def _is_far(self, distance_ms: int) -> bool:
        return self._tolerance_ms is not None and distance_ms > self._tolerance_ms
