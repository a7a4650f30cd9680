"""Owns: harness H14: planted bugs. A harness that does not find them proves nothing.

Each bug is one wrong line such as a tired engineer writes, put in by monkeypatching, and has to be found
by the harness named beside it.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.crash.bugs_broker import BROKER_BUGS
from tests.crash.bugs_log import LOG_BUGS
from tests.crash.bugs_rot import ROT_BUGS
from tests.crash.planting import Bug
from tests.crash.tally import Tally

BUGS = (*LOG_BUGS, *ROT_BUGS, *BROKER_BUGS)
BUGS_MIN = 30


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch, tally: Tally):
    bug.plant(monkeypatch)

    with pytest.raises(AssertionError):
        bug.found_by.run()

    tally.other[f"planted bugs found by {bug.found_by.harness}"] += 1


def test_the_bank_is_large_and_no_bug_is_in_it_twice():
    names = Counter(bug.name for bug in BUGS)
    assert len(BUGS) >= BUGS_MIN
    assert set(names.values()) == {1}
