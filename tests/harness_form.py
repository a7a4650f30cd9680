"""How much the long-running harnesses try: for every change, for a merge, or for an hour.

Owns: the one switch, ``STREAMZ_HARNESS``, and its words; the seed of what a long run tries a sample of.
Must not know: what a harness makes of it.
"""

from __future__ import annotations

import enum
import functools
import os
import random

VARIABLE = "STREAMZ_HARNESS"
SEED_VARIABLE = "STREAMZ_HARNESS_SEED"


class Form(enum.Enum):
    """Of each harness."""

    SHORT = "short"
    """With every ``make test``: thinned, on one core, under a minute for all of them."""
    CI = "ci"
    """With every merge (``make harnesses``): the published figures, on all cores, in a few minutes."""
    LONG = "long"
    """By hand or at night (``make chaos``): every image, and of what is tried beyond, another sample in each run."""


def chosen_form() -> Form:
    """The form this run was asked for; ``ValueError`` for a word that is none."""
    return Form(os.environ.get(VARIABLE) or Form.SHORT.value)


@functools.cache
def chosen_seed() -> int:
    """Which sample this run takes: the same in every short one and every merge, another in each long one.

    ``STREAMZ_HARNESS_SEED`` asks for the one that an earlier run told.
    """
    told = os.environ.get(SEED_VARIABLE)
    if told:
        return int(told)
    return random.SystemRandom().randrange(1_000_000) if chosen_form() is Form.LONG else 0
