"""Owns: how much each crash harness tries in each form of the run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.harness_form import Form

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried. ``None`` for a limit: everything.

    ``*_every``: on each so-many-th distinct image also recover twice, crash inside the recovery, go on.
    """

    seed: int = 0
    """Which of so many are tried; with another seed others."""

    images_max: int | None = 500
    """Of one workload; where there are more, torn writes are thinned evenly, and subsets by an eighth of that."""
    images_per_span: int = 1 << 60
    """Of one piece of work for a process."""
    exhaustive_below: int = 6
    """All subsets of fewer unsynced changes than this are tried, of more the telling ones."""
    twice_every: int = 17
    nested_every: int = 307
    nested_max: int | None = 30
    continue_every: int = 41
    favours_subsets: bool = True
    kills_every: int = 41
    """Besides those that come after a rename."""
    images_per_kill_max: int | None = 8
    broker_images_every: int = 13
    errno_runs_max: int | None = 14
    """Of one workload and fault."""
    flips_per_kind: int | None = 300
    bits_per_byte: int = 1
    repairs_per_kind: int | None = 40
    images_per_repair: int | None = 120
    images_per_backup: int | None = 200
    several_damages: int = 80
    processes: int = 1
    distinct_images_min: int = 15_000
    """What the run must come to, or its figures are not those that are published."""
    errno_runs_min: int = 1_500

    def is_chosen(self, number: int, every: int) -> bool:
        """Whether the ``number``-th is the one of ``every`` that is tried."""
        return number % every == self.seed % every

    def sample(self, all_of_them: Sequence[T], limit: int | None) -> Sequence[T]:
        """About ``limit`` of them, evenly; all of them where there is no limit."""
        step = 1 if limit is None else max(1, len(all_of_them) // limit)
        return all_of_them[self.seed % step :: step]


EFFORTS = {
    Form.SHORT: Effort(),
    Form.CI: Effort(
        images_max=100_000,
        images_per_span=40_000,
        nested_every=1_499,
        nested_max=400,
        continue_every=97,
        kills_every=29,
        images_per_kill_max=100,
        broker_images_every=3,
        errno_runs_max=None,
        flips_per_kind=None,
        bits_per_byte=8,
        repairs_per_kind=200,
        images_per_repair=300,
        images_per_backup=500,
        several_damages=300,
        processes=os.cpu_count() or 1,
        distinct_images_min=250_000,
        errno_runs_min=20_000,
    ),
    Form.LONG: Effort(
        images_max=None,
        images_per_span=40_000,
        exhaustive_below=9,
        twice_every=5,
        nested_every=4_999,
        nested_max=1_000,
        continue_every=37,
        kills_every=11,
        images_per_kill_max=300,
        broker_images_every=1,
        errno_runs_max=None,
        flips_per_kind=None,
        bits_per_byte=8,
        repairs_per_kind=None,
        images_per_repair=None,
        images_per_backup=2_000,
        several_damages=2_000,
        processes=os.cpu_count() or 1,
        distinct_images_min=250_000,
        errno_runs_min=20_000,
    ),
}
