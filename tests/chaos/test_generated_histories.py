"""Harness H7: whatever a log without fault leaves behind passes, and any one promise broken in it is found."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.chaos.checker import check, report
from tests.chaos.mutations import MUTATIONS
from tests.chaos.perfect_log import good_history

SEEDS = st.integers(0, 2**32)
QUICK = settings(max_examples=40, deadline=None)


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.integers(0, 60))
def test_a_good_history_passes(seed, steps):
    history = good_history(Random(seed), steps)

    found = check(history)

    assert found == [], report(history, found)


@pytest.mark.parametrize(("mutation", "name"), MUTATIONS, ids=lambda one: getattr(one, "__name__", ""))
@QUICK
@given(SEEDS)
def test_one_broken_promise_is_found_and_named(mutation, name, seed):
    random = Random(seed)
    broken = mutation(good_history(random, 40), random)
    assume(broken is not None)

    assert name in {anomaly.name for anomaly in check(broken)}
