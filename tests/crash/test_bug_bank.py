"""Owns: harness H14: planted bugs. A harness that does not find them proves nothing.

Each bug is one wrong line such as a tired engineer writes, put in by monkeypatching, and has to be found
by the harness named beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.crash.explore import Effort, Tally, explore, explore_kills

QUICK = Effort(images_max=400, nested_every=10**9)


def crash(workload: Callable[..., None]) -> Callable[[], None]:
    """H1 over one workload."""
    return lambda: explore(workload.__name__, workload, QUICK, Tally())


def kill(workload: Callable[..., None]) -> Callable[[], None]:
    """H1 with a kill before the power cut."""
    return lambda: explore_kills(workload.__name__, workload, QUICK, Tally())


class Bug(NamedTuple):
    """A planted bug and who has to find it."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    found_by: Callable[[], None]


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Plant ``make(original)`` in the place of ``owner.name``."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owner, name, make(getattr(owner, name)))

    return plant
