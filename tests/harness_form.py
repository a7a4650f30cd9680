"""How much the long-running harnesses try: for every change, for a merge, or for a night.

Owns: the one switch, ``STREAMZ_HARNESS``, and its words.
Must not know: what a harness makes of it.
"""

from __future__ import annotations

import enum
import os

VARIABLE = "STREAMZ_HARNESS"


class Form(enum.Enum):
    """Of each harness."""

    SHORT = "short"
    """With every ``make test``: thinned, on one core, under a minute for all of them."""
    CI = "ci"
    """With every merge (``make harnesses``): the published figures, on all cores, in a few minutes."""
    LONG = "long"
    """By hand or at night (``make chaos``): nothing is thinned."""


def chosen_form() -> Form:
    """The form this run was asked for; ``ValueError`` for a word that is none."""
    return Form(os.environ.get(VARIABLE) or Form.SHORT.value)
