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
    """When windows close: as stream time passes, which records alone make pass, or by other clocks too."""

    idle_ms: int | None = None
    is_by_wall_clock: bool = False

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

    def closing(self) -> Closing:
        """For one operator."""
        if self.idle_ms is not None and self.is_by_wall_clock:
            raise Misuse("a window closes after idleness or by the wall clock, not both")
        return Closing(self.idle_ms, wall_clock=self.is_by_wall_clock)
