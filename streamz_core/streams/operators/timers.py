"""``Timers``: what a processor wants to be called for as time passes.

Owns: when a timer fires next, and remembering that over restarts where it has a name.
Must not know: which clock, whose function it is, rows.

Kafka's rules: a timer fires once however many of its times have passed, with the present time, and next at
the first of its times after that (KIP-138). One with a start keeps to start + n intervals (KIP-1146).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable


class PunctuationType(Enum):
    """By which time a timer goes."""

    STREAM_TIME = "stream_time"
    """The highest timestamp that came to the step."""
    WALL_CLOCK_TIME = "wall_clock_time"
    """The clock on the wall."""


class Timer:
    """One of them; ``cancel`` calls it off."""

    def __init__(self, interval_ms: int, next_ms: int, callback: Callable[[int], Any], name: str) -> None:
        """``name`` is empty where nothing is remembered."""
        self.interval_ms: Final = interval_ms
        self.next_ms = next_ms
        self.callback: Final = callback
        self.name: Final = name
        self.is_cancelled = False

    def cancel(self) -> None:
        """Do not fire again."""
        self.is_cancelled = True

    def pass_by(self, now_ms: int) -> None:
        """It fires now: on to its next time."""
        missed = (now_ms - self.next_ms) // self.interval_ms
        self.next_ms += (missed + 1) * self.interval_ms


class Timers:
    """The timers of one processor. ``store`` keeps the next times of those that have names.

    ``wake_at`` is told when the next one on the wall clock is due.
    """

    def __init__(self, wake_at: Callable[[int], None], store: Any = None) -> None:
        """Start without any."""
        self._wake_at = wake_at
        self._store = store
        self._timers: dict[PunctuationType, list[Timer]] = {kind: [] for kind in PunctuationType}

    @property
    def are_durable(self) -> bool:
        """Whether names are remembered."""
        return self._store is not None

    def add(
        self,
        kind: PunctuationType,
        interval_ms: int,
        callback: Callable[[int], Any],
        first_ms: int,
        name: str = "",
    ) -> Timer:
        """A timer that fires at ``first_ms`` first; one of this name goes on where it was."""
        timer = Timer(interval_ms, first_ms, callback, name)
        if name:
            known = self._store.get(name)
            if known is not None and known[0] == interval_ms:
                timer.next_ms = known[1]
            else:
                self._remember(timer)
            for other in self._timers[kind]:
                other.is_cancelled = other.is_cancelled or other.name == name
        self._timers[kind].append(timer)
        if kind is PunctuationType.WALL_CLOCK_TIME:
            self._wake_at(timer.next_ms)
        return timer

    def fire(self, kind: PunctuationType, now_ms: int) -> None:
        """Call every timer that is due, the earliest first, each once."""
        timers = self._timers[kind]
        if not timers:
            return
        for timer in sorted((t for t in timers if t.next_ms <= now_ms), key=_next_ms):
            if timer.is_cancelled:
                continue
            timer.pass_by(now_ms)
            timer.callback(now_ms)
            if timer.name and not timer.is_cancelled:
                self._remember(timer)
        if any(timer.is_cancelled for timer in timers):
            self._forget_cancelled(kind)
        if kind is PunctuationType.WALL_CLOCK_TIME and self._timers[kind]:
            self._wake_at(min(timer.next_ms for timer in self._timers[kind]))

    def _forget_cancelled(self, kind: PunctuationType) -> None:
        left = [timer for timer in self._timers[kind] if not timer.is_cancelled]
        names = {timer.name for timer in left}
        for timer in self._timers[kind]:
            if timer.is_cancelled and timer.name and timer.name not in names:
                self._store.put(timer.name, None)
        self._timers[kind] = left

    def _remember(self, timer: Timer) -> None:
        self._store.put(timer.name, [timer.interval_ms, timer.next_ms])


def _next_ms(timer: Timer) -> int:
    return timer.next_ms
