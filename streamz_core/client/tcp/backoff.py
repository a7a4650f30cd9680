"""Waiting longer each time something fails again.

Owns: ``Backoff``.
Must not know: what fails; the clock.
"""

from __future__ import annotations

import random


class Backoff:
    """Doubling from ``first_ms`` to ``most_ms``, with a fifth more or less, so that many do not try at once."""

    __slots__ = ("_failures", "_first_ms", "_most_ms", "_random")

    def __init__(self, first_ms: float, most_ms: float, seed: int | None = None) -> None:
        self._first_ms = first_ms
        self._most_ms = most_ms
        self._failures = 0
        self._random = random.Random(seed)  # noqa: S311 - no secret

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        return self._failures

    def failed(self) -> float:
        """How long to wait before the next attempt, in milliseconds."""
        wait_ms = min(self._first_ms * float(1 << min(self._failures, 30)), self._most_ms)
        self._failures += 1
        return wait_ms * self._random.uniform(0.8, 1.2)

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0
