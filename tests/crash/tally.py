"""Owns: the figures of a run of the crash harnesses, summed over workloads and processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What was tried."""

    images: int = 0
    """Images judged, equal ones each time."""
    distinct: set[int] = field(default_factory=set, repr=False)
    recoveries: int = 0
    nested: int = 0
    """Of them after a crash inside a recovery."""
    continued: int = 0
    """Images on which the workload went on."""
    seconds: float = 0.0
    """Of one core, together."""
    other: Counter[str] = field(default_factory=Counter)
    """The figures of the other harnesses, by what they count."""

    def add(self, more: Tally) -> None:
        """Take in the figures of another part of the run."""
        self.images += more.images
        self.distinct |= more.distinct
        self.recoveries += more.recoveries
        self.nested += more.nested
        self.continued += more.continued
        self.seconds += more.seconds
        self.other += more.other

    def lines(self) -> list[str]:
        """The figures in words."""
        rate = self.recoveries / self.seconds if self.seconds else 0.0
        images = (
            f"crash images: {len(self.distinct)} distinct, {rate:.0f} recoveries a second and core "
            f"({self.recoveries} recoveries, {self.images} images judged, {self.nested} crashes inside a "
            f"recovery, {self.continued} images gone on with)"
        )
        counted = [f"{what}: {count}" for what, count in sorted(self.other.items())]
        return [images, *counted] if self.recoveries else counted
