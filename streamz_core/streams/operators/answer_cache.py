"""``AnswerCache``: what was answered lately.

Owns: how long an answer serves, and how many there are.
Must not know: what was asked.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

    from streamz_core.clock import Clock

ENTRIES_MAX: Final = 10_000


class AnswerCache:
    """Answers by question, in memory; those used longest ago go first."""

    def __init__(self, clock: Clock, ttl_ms: int) -> None:
        """An answer serves for ``ttl_ms``."""
        self._clock = clock
        self._ttl_ms = ttl_ms
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, question: Hashable) -> tuple[Any] | None:
        """The answer alone in a tuple; None where there is none, or it is too old."""
        entry = self._answers.get(question)
        if entry is None or entry[0] <= self._clock.monotonic_ms():
            return None
        self._answers.move_to_end(question)
        return (entry[1],)

    def put(self, question: Hashable, answer: Any) -> None:
        """An answer as of now."""
        self._answers[question] = (self._clock.monotonic_ms() + self._ttl_ms, answer)
        self._answers.move_to_end(question)
        if len(self._answers) > ENTRIES_MAX:
            self._answers.popitem(last=False)
