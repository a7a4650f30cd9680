"""``CommitSchedule``: when a task commits.

Owns: the interval, what is committed sooner than that, and how close commits may come.
Must not know: what a commit is.

Outputs are seen, and offsets move, within ``commit_interval_ms``. Where a task has handled all there is, waiting only
makes that late: a good many records are committed at once, a quarter of the interval after the last commit at the
earliest. A commit costs as much as about a thousand records: a task that is faster than its input, which comes in
small parts, would do little else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.clock import Cancellable, Clock
    from streamz_core.streams.runtime.config import RuntimeConfig

CAUGHT_UP_RECORDS: Final = 1_000
"""So many uncommitted records of a task that has read all there is are committed without waiting for the interval:
about the work of a commit. Fewer, a trickle, wait, and share one."""
DISTANCES: Final = 4
"""How many commits an interval has at most, for that reason."""


class CommitSchedule:
    """The commits of one task."""

    def __init__(self, config: RuntimeConfig, clock: Clock, request: Callable[[], None]) -> None:
        """``request`` asks the task for a commit; nothing is due before ``begin``."""
        self._records_max = config.commit_records_max
        self._interval_ms = config.commit_interval_ms
        self._distance_ms = config.commit_interval_ms / DISTANCES
        self._clock = clock
        self._request = request
        self._tick: Cancellable | None = None
        self._is_early = False
        self._committed_at_ms = -math.inf
        self.records = 0
        """Handled since the last commit."""

    @property
    def is_full(self) -> bool:
        """Whether so many records were handled that the task must commit."""
        return self.records >= self._records_max

    @property
    def is_worthwhile(self) -> bool:
        """Whether a commit of what was handled costs less than it is worth, should there be nothing else to do."""
        return self.records >= CAUGHT_UP_RECORDS

    def begin(self) -> None:
        """Ask for a commit after the interval."""
        self._arm(self._interval_ms)
        self._is_early = False

    def end(self) -> None:
        """Ask for nothing any more."""
        if self._tick is not None:
            self._tick.cancel()

    def caught_up(self) -> None:
        """There is nothing else to do: ask for a commit now, or as soon as the last one is far enough away."""
        left_ms = self._committed_at_ms + self._distance_ms - self._clock.monotonic_ms()
        if left_ms <= 0:
            self._request()
        elif not self._is_early:
            self._arm(left_ms)
            self._is_early = True

    def committed(self) -> None:
        """Something was committed."""
        self._committed_at_ms = self._clock.monotonic_ms()

    def _arm(self, delay_ms: float) -> None:
        self.end()
        self._tick = self._clock.call_later(delay_ms, self._request)
