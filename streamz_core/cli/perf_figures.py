"""The arithmetic of the performance tools: latencies, rates, and when the next record is due.

Owns: percentiles of sampled latencies, MB as Kafka's tools count them (1,048,576 bytes), pacing.
Must not know: clients, printing, the clock.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MB_BYTES: Final = 1024 * 1024
_SAMPLES_MAX: Final = 500_000


class Latencies:
    """How long things took, in ms: mean and greatest of all, percentiles of at most 500,000 of them.

    >>> latencies = Latencies(expected=4)
    >>> for one in (1.0, 2.0, 3.0, 10.0):
    ...     latencies.add(one)
    >>> latencies.mean, latencies.greatest, latencies.percentile(0.5)
    (4.0, 10.0, 3.0)
    """

    __slots__ = ("_every", "_samples", "count", "greatest", "total")

    def __init__(self, expected: int = 0) -> None:
        self._every = max(1, -(-expected // _SAMPLES_MAX))
        self._samples = array("d")
        self.count = 0
        self.total = 0.0
        self.greatest = 0.0

    def add(self, took_ms: float) -> None:
        """Count one in."""
        if self.count % self._every == 0:
            self._samples.append(took_ms)
        self.count += 1
        self.total += took_ms
        self.greatest = max(self.greatest, took_ms)

    @property
    def mean(self) -> float:
        """Their mean; 0 of none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """The latency below which ``share`` of them are; 0 of none."""
        if not self._samples:
            return 0.0
        samples = sorted(self._samples)
        return samples[min(int(share * len(samples)), len(samples) - 1)]

    def as_json(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Mean, greatest, and the percentiles named in ``shares``, ms."""
        named = {name: self.percentile(share) for name, share in shares.items()}
        return {"mean": self.mean, "max": self.greatest, **named}


def rate(count: float, took_ms: float) -> float:
    """How many a second; of no time at all, as if it had been a millisecond."""
    return count * 1000.0 / max(took_ms, 1.0)


def due_ms(sent: int, per_second: float) -> float:
    """When record number ``sent`` may go, ms after the first; 0 where there is no limit."""
    return sent * 1000.0 / per_second if per_second > 0 else 0.0
