"""How much may be done at once, and how soon again.

Owns: ``TokenBucket``.
Must not know: what is done, what time it is (it is told).

Unlike a ``Rate`` it lets one large thing through and then waits for exactly as long as that was too much.

Source: KIP-599
"""

from __future__ import annotations

from streamz_core.server.quotas.rate import WINDOW_MS, WINDOWS


class TokenBucket:
    """Fills by ``bound`` a second, up to what comes in all windows; who takes more than there is leaves a debt.

    >>> bucket = TokenBucket(1.0, now_ms=0)
    >>> bucket.take(13, 1.0, now_ms=0)
    >>> bucket.wait_ms(1.0, now_ms=0)
    2000.0
    """

    __slots__ = ("_bound", "_filled_ms", "_tokens")

    def __init__(self, bound: float, *, now_ms: float) -> None:
        self._bound = bound
        self._tokens = _most(bound)
        self._filled_ms = now_ms

    def take(self, amount: float, bound: float, *, now_ms: float) -> None:
        """Take so many, there or not."""
        self._fill(bound, now_ms)
        self._tokens -= amount

    def wait_ms(self, bound: float, *, now_ms: float) -> float:
        """How long until there is no debt; 0 if there is none."""
        self._fill(bound, now_ms)
        return max(-self._tokens, 0.0) / bound * 1_000

    def is_idle(self, now_ms: float) -> bool:
        """Whether it is as full as a new one."""
        self._fill(self._bound, now_ms)
        return self._tokens >= _most(self._bound)

    def _fill(self, bound: float, now_ms: float) -> None:
        self._tokens = min(_most(bound), self._tokens + bound * (now_ms - self._filled_ms) / 1_000)
        self._bound, self._filled_ms = bound, now_ms


def _most(bound: float) -> float:
    return bound * WINDOWS * WINDOW_MS / 1_000
