"""Owns: harness H1: no crash breaks a promise, over every scripted workload."""

import pytest

from tests.crash import workloads
from tests.crash.explore import Effort, Tally, explore, explore_kills

DISTINCT_IMAGES_MIN = 20_000


@pytest.mark.parametrize("workload", workloads.ALL, ids=lambda workload: workload.__name__)
def test_no_crash_breaks_a_promise(workload, effort: Effort, tally: Tally):
    explore(workload.__name__, workload, effort, tally)


@pytest.mark.parametrize("workload", workloads.ALL, ids=lambda workload: workload.__name__)
def test_no_power_cut_after_a_kill_breaks_a_promise(workload, effort: Effort, tally: Tally):
    explore_kills(workload.__name__, workload, effort, tally)


def test_enough_images_were_tried(request: pytest.FixtureRequest, tally: Tally):
    """The figure that is published; it means something only when all workloads ran."""
    ran = sum(item.originalname == "test_no_crash_breaks_a_promise" for item in request.session.items)
    if ran == len(workloads.ALL):
        assert len(tally.distinct) >= DISTINCT_IMAGES_MIN
