"""A line at the terminal's end that shows how far long work is.

Owns: what the line says, how often it is drawn, and that nothing of it is left.
Must not know: which work it is about; who asks whether there is to be a bar.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections import deque
from typing import TYPE_CHECKING, Final, TextIO

from streamz_core.clock import Clock, SystemClock
from streamz_core.progress import BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAW_EVERY_MS: Final = 100
_RATE_OVER: Final = 50
"""Drawings that the rate is taken over: the last five seconds."""
_CELLS: Final = 24
_ERASE: Final = "\r\x1b[K"
_COLUMNS: Final = 80


class ProgressBar:
    """Draws what it is told (see ``progress.Progress``), ten times a second at most; without a stream, nothing."""

    def __init__(self, stream: TextIO | None, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._is_drawn = False
        self._what = ""
        self._unit = ""
        self._total: int | None = None
        self._done = 0
        self._next_ms = 0.0
        self._drawn: deque[tuple[float, int]] = deque(maxlen=_RATE_OVER)

    def begin(self, what: str, unit: str, total: int | None = None) -> None:
        """The next piece of work; it takes the line over."""
        self._what, self._unit, self._total, self._done = what, unit, total, 0
        self._drawn.clear()
        self._next_ms = 0.0
        self.add(0)

    def expect(self, amount: int) -> None:
        """The work turns out to be so much more than was said."""
        self._total = (self._total or 0) + amount

    def add(self, amount: int) -> None:
        """So much more is done."""
        self._done += amount
        if self._stream is None:
            return
        now_ms = self._clock.monotonic_ms()
        if now_ms < self._next_ms:
            return
        self._next_ms = now_ms + DRAW_EVERY_MS
        self._drawn.append((now_ms, self._done))
        line = _line(self._what, self._unit, self._done, self._total, self._per_second())
        self._write(_ERASE + line[: _columns(self._stream) - 1])
        self._is_drawn = True

    def erase(self) -> None:
        """Take the line away: something else is to be printed, or all is done."""
        if self._is_drawn:
            self._write(_ERASE)
            self._is_drawn = False

    def _per_second(self) -> float:
        (began_ms, before), (now_ms, done) = self._drawn[0], self._drawn[-1]
        return (done - before) * 1000.0 / (now_ms - began_ms) if now_ms > began_ms else 0.0

    def _write(self, text: str) -> None:
        assert self._stream is not None
        # A terminal that went away is no reason to give up the work.
        with contextlib.suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


@contextlib.contextmanager
def progress_bar(*, is_wanted: bool = True) -> Iterator[ProgressBar]:
    """A bar at the end of standard error where that is a terminal, else one that nobody sees."""
    stream = sys.stderr if is_wanted and sys.stderr.isatty() else None
    bar = ProgressBar(stream, SystemClock())
    try:
        yield bar
    finally:
        bar.erase()


def _line(what: str, unit: str, done: int, total: int | None, per_second: float) -> str:
    """What is shown of it.

    >>> _line("checking", "bytes", 512 << 10, 1 << 20, 256 << 10)
    'checking  [############------------]  50%  512.0 KiB of 1.0 MiB  256.0 KiB/s  0:02 left'
    >>> _line("sending", "records", 1200, None, 400.0)
    'sending  1,200 records  400/s'
    """
    parts = [what]
    if total:
        share = min(done / total, 1.0)
        cells = int(share * _CELLS)
        parts.append(f"[{'#' * cells}{'-' * (_CELLS - cells)}] {share:4.0%}")
    amount = _amount(done, unit) if total is None else f"{_amount(done, unit)} of {_amount(total, unit)}"
    parts.append(amount if unit == BYTES else f"{amount} {unit}")
    if per_second > 0:
        parts.append(f"{_amount(per_second, unit)}/s")
        if total is not None and total > done:
            parts.append(f"{_duration((total - done) / per_second)} left")
    return "  ".join(parts)


def _amount(number: float, unit: str) -> str:
    """A number in its unit's way.

    >>> _amount(1_500, "records"), _amount(1_500, "bytes"), _amount(7 << 30, "bytes"), _amount(900, "bytes")
    ('1,500', '1.5 KiB', '7.0 GiB', '900 B')
    """
    if unit != BYTES:
        return f"{number:,.0f}"
    if number < 1024:
        return f"{number:.0f} B"
    prefixes = "KMGT"
    power = min(int(math.log(number, 1024)), len(prefixes))
    return f"{number / 1024**power:.1f} {prefixes[power - 1]}iB"


def _duration(seconds: float) -> str:
    """Hours where there are some, minutes and seconds.

    >>> _duration(75), _duration(3_700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _columns(stream: TextIO) -> int:
    """How wide the terminal is; it may have changed since."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS
