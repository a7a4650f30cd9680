"""How time is taken: wall clock and CPU, ours and the reference in turns, medians.

Owns: ``Stopwatch``, ``Sample``, ``compare``, and pinning to a core.
Must not know: what is measured.

CPU time is that of the whole process, threads included (fdatasync, RocksDB). On a machine that others use
too, wall-clock ratios wander and CPU ratios hardly do; they mean little where the work is waiting for a disk.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

from benchmarks.figures import Figure


class Sample(NamedTuple):
    """One run's seconds."""

    wall_s: float
    cpu_s: float


class Stopwatch:
    """``with Stopwatch() as watch: …`` and then ``watch.sample``."""

    sample: Sample

    def __enter__(self) -> Stopwatch:
        gc.collect()
        self._wall, self._cpu = perf_counter(), process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.sample = Sample(perf_counter() - self._wall, process_time() - self._cpu)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The medians of both sides."""

    ours: Sample
    reference: Sample

    @classmethod
    def of(cls, ours: list[Sample], reference: list[Sample]) -> Comparison:
        """The medians of all samples of each."""
        return cls(_median(ours), _median(reference))

    def rate(self, what: str, count: int, at_least: float, unit: str = "rec/s") -> Figure:
        """``count`` records, or what ``unit`` says, per second on both sides."""
        return Figure(
            what,
            count / self.ours.wall_s,
            count / self.reference.wall_s,
            unit,
            at_least=at_least,
            cpu_ratio=self.reference.cpu_s / self.ours.cpu_s,
        )


async def compare(
    ours: Callable[[], Awaitable[Sample]], reference: Callable[[], Sample], rounds: int
) -> Comparison:
    """Both in turns, after one round of each that does not count."""
    await ours()
    reference()
    mine: list[Sample] = []
    other: list[Sample] = []
    for _ in range(rounds):
        mine.append(await ours())
        other.append(reference())
    return Comparison.of(mine, other)


def _median(samples: list[Sample]) -> Sample:
    return Sample(median(s.wall_s for s in samples), median(s.cpu_s for s in samples))


def pin_to_one_core() -> int | None:
    """Keep this process, its threads and its children on one core; which one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def every_core() -> None:
    """Let this process, and what it starts from now on, use all cores again."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
