"""``Closing``: how time passes for windows that get no rows.

Owns: which timestamps are believed, and when silence or the wall clock stands in for stream time.
Must not know: stores' contents, which windows there are.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any, Final

from streamz_core.streams.operator import OperatorContext

LOOKS_EVERY_MS: Final = 100
"""How often the wall clock is compared with the windows that are open."""


class Closing:
    """By stream time alone, or also after idleness, or by the wall clock.

    ``idle_ms``: with all input read and nothing new for so long, every window that has rows closes.
    ``wall_clock``: stream time is never behind the wall clock.
    """

    def __init__(self, idle_ms: int | None = None, *, wall_clock: bool = False) -> None:
        """By default stream time alone."""
        self._idle_ms = idle_ms
        self._wall_clock = wall_clock
        self._looked_ms = -LOOKS_EVERY_MS

    def open(self, context: OperatorContext) -> None:
        """For one task."""
        self._context = context
        if self._idle_ms is not None:
            context.watch_idle()

    def latest_ms(self) -> int:
        """The latest timestamp that is believed now: a later one moves no stream time."""
        return self._context.latest_timestamp_ms()

    def is_idle(self) -> bool:
        """Whether the input has been silent for as long as windows wait for it."""
        return self._idle_ms is not None and self._context.idle_ms() >= self._idle_ms

    def passed_ms(self, now_ms: int, store: Any, closes_after_ms: int) -> int:
        """What stream time is at least; windows in ``store`` close ``closes_after_ms`` behind their end.

        -1 where nothing is open that time could close: a store's time that moves is written with each commit.
        """
        is_idle = self.is_idle()
        is_due = self._wall_clock and now_ms - self._looked_ms >= LOOKS_EVERY_MS
        if not is_idle and not is_due:
            return -1
        self._looked_ms = now_ms
        last_end: int = store.last_end(self.latest_ms())
        closes_ms = last_end + closes_after_ms
        if last_end < 0 or closes_ms <= store.stream_time_ms:
            return -1
        return closes_ms if is_idle else now_ms
