"""Commits that take long, and what they say about the silence of others.

Owns: when the commits of this process's tasks began and ended.
Must not know: what is committed, what follows from silence.

What a task has sent is seen by nobody before it is committed. While the disk holds a commit up, the tasks that read
what is in it hear nothing, and must not take that for the end of their input.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STALL_SHARE: Final = 0.5
"""A commit holds others up if it takes this share of the silence that they listen for."""


class _Ended(NamedTuple):
    took_ms: float
    at_ms: float


class CommitStalls:
    """Of all tasks of one runtime. Times are those of the monotonic clock."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._ended: dict[str, _Ended] = {}

    def began(self, task_id: str, now_ms: float) -> None:
        """A task commits."""
        self._began[task_id] = now_ms

    def ended(self, task_id: str, now_ms: float) -> None:
        """It has, or has failed to."""
        began_ms = self._began.pop(task_id, now_ms)
        self._ended[task_id] = _Ended(now_ms - began_ms, now_ms)

    def hold_up(self, silence_ms: float, now_ms: float) -> bool:
        """Whether a silence of so long may be the doing of a commit: one that still runs, or has only just ended."""
        long_ms = silence_ms * STALL_SHARE
        return any(now_ms - began_ms >= long_ms for began_ms in self._began.values()) or any(
            one.took_ms >= long_ms and now_ms - one.at_ms < silence_ms for one in self._ended.values()
        )
