"""When results of windows are sent on, and when windows close.

Owns: ``EmitStrategy`` and ``CloseStrategy``.
Must not know: windows, how either is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.operators.closing import Closing


@dataclass(frozen=True, slots=True)
class EmitStrategy:
    """When the results of windows are sent on: with each update, when the window closes, or now and then."""

    is_final: bool = False
    every_ms: int | None = None

    @classmethod
    def on_window_update(cls) -> Self:
        """Every change; with caching, the last one of each commit."""
        return cls()

    @classmethod
    def on_window_close(cls) -> Self:
        """Once, when the window takes no more records."""
        return cls(is_final=True)

    @classmethod
    def every(cls, interval: Duration) -> Self:
        """The windows that changed, at most once in ``interval`` of stream time, or of silence."""
        return cls(every_ms=milliseconds(interval, "EmitStrategy.every", at_least=1))


@dataclass(frozen=True, slots=True)
class CloseStrategy:
    """When windows close: as stream time passes, which records alone make pass, or by other clocks too.

    Stream time is one for all keys of a task's partition, or each key's own.
    """

    idle_ms: int | None = None
    is_by_wall_clock: bool = False
    is_per_key: bool = False
    behind_max_ms: int | None = None

    @classmethod
    def stream_time(cls) -> Self:
        """With the records that come: the same windows close with the same contents on every run."""
        return cls()

    @classmethod
    def after_idle(cls, idle: Duration) -> Self:
        """And all that are open once a partition's input was read to its end, and silent for ``idle``."""
        return cls(idle_ms=milliseconds(idle, "CloseStrategy.after_idle", at_least=1))

    @classmethod
    def wall_clock(cls) -> Self:
        """And those whose end and grace the wall clock has passed: for records that come as they happen."""
        return cls(is_by_wall_clock=True)

    @classmethod
    def per_key(
        cls,
        *,
        behind_max: Duration | None = None,
        after_idle: Duration | None = None,
        wall_clock: bool = False,
    ) -> Self:
        """By each key's own records: one that runs ahead closes no other's windows, and makes none of its records late.

        A key's last windows stay open until its next record; unless it is further behind the partition's latest
        record than ``behind_max``, the partition's input is silent for ``after_idle``, or the wall clock has
        passed their end and grace. Without the first of these (or the last) every key's time is kept for ever.
        """
        if after_idle is not None and wall_clock:
            raise Misuse(
                "per_key(): a silent key's windows close after idleness or by the wall clock, not both"
            )
        return cls(
            idle_ms=None
            if after_idle is None
            else milliseconds(after_idle, "per_key(): after_idle", at_least=1),
            is_by_wall_clock=wall_clock,
            is_per_key=True,
            behind_max_ms=None if behind_max is None else milliseconds(behind_max, "per_key(): behind_max"),
        )

    def closing(self) -> Closing:
        """For one operator."""
        if self.idle_ms is not None and self.is_by_wall_clock:
            raise Misuse("a window closes after idleness or by the wall clock, not both")
        return Closing(self.idle_ms, wall_clock=self.is_by_wall_clock)
