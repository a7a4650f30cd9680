"""When the members of one group were last heard of, and the timer that misses them.

Owns: session deadlines on the monotonic clock, one timer for all of them.
Must not know: what a member is, or what its absence means.

A heartbeat moves one number; the timer is armed for what was the earliest deadline and looks again
when it fires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.clock import Cancellable, Clock

_LATE_MS: Final = 250
"""A timer this late means that the process stood still: nobody could be heard meanwhile."""
_GRACE_MS: Final = 1_000
"""How long everybody then has to be heard of."""


class Sessions:
    """The sessions of one group's members."""

    def __init__(self, clock: Clock, on_expired: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_expired = on_expired
        self._deadlines: dict[str, float] = {}
        self._timer: Cancellable | None = None
        self._armed_for_ms = 0.0

    def __contains__(self, member_id: str) -> bool:
        return member_id in self._deadlines

    def __len__(self) -> int:
        """How many sessions run."""
        return len(self._deadlines)

    def extend(self, member_id: str, timeout_ms: float) -> None:
        """The session ends ``timeout_ms`` from now, unless it is extended again."""
        deadline_ms = self._clock.monotonic_ms() + timeout_ms
        self._deadlines[member_id] = deadline_ms
        if self._timer is None or deadline_ms < self._armed_for_ms:
            self._arm(deadline_ms)

    def end(self, member_id: str) -> None:
        """Forget the session."""
        self._deadlines.pop(member_id, None)
        if not self._deadlines:
            self.stop()

    def stop(self) -> None:
        """Forget all sessions; no timer runs any more."""
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, deadline_ms: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for_ms = deadline_ms
        delay_ms = max(deadline_ms - self._clock.monotonic_ms(), 0.0)
        self._timer = self._clock.call_later(delay_ms, self._look)

    def _look(self) -> None:
        self._timer = None
        now_ms = self._clock.monotonic_ms()
        if now_ms - self._armed_for_ms > _LATE_MS:
            # The process was stopped, or its loop blocked: heartbeats wait behind this very call. Whoever
            # is alive will be heard of at once, so nobody is missed before that (G5).
            soonest_ms = now_ms + _GRACE_MS
            self._deadlines = {m: max(at_ms, soonest_ms) for m, at_ms in self._deadlines.items()}
        for member_id in [m for m, at_ms in self._deadlines.items() if at_ms <= now_ms]:
            if self._deadlines.get(member_id, now_ms + 1) <= now_ms:
                del self._deadlines[member_id]
                self._on_expired(member_id)
        if self._deadlines:
            self._arm(min(self._deadlines.values()))
