"""``Activity``: when a task last had input.

Owns: one time per task of an app, noted by those who get records, asked for by who waits for idleness.
Must not know: what either does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamz_core.streams.processor import ProcessorContext


class Activity:
    """The last input of every task of one app in this process."""

    __slots__ = ("_last_ms",)

    def __init__(self) -> None:
        """No task yet."""
        self._last_ms: dict[str, float] = {}

    def note(self, context: ProcessorContext) -> None:
        """The task has input, or has just opened."""
        self._last_ms[context.task_id] = context.clock.monotonic_ms()

    def idle_ms(self, context: ProcessorContext) -> float:
        """For how long the task has had none."""
        return context.clock.monotonic_ms() - self._last_ms[context.task_id]
