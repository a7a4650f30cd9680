"""Owns: harness H1: no crash breaks a promise, over every scripted workload."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash import workloads
from tests.crash.effort import Effort
from tests.crash.explore import explore, explore_kills, plan
from tests.crash.processes import Processes
from tests.crash.tally import Tally
from tests.crash.workloads import Workload

Pending = list[Callable[[], Tally]]


def images_of(workload: Workload, effort: Effort, processes: Processes) -> Pending:
    """Every image of a workload, in spans that several processes share."""
    spans, stride = plan(workload, effort)
    return [processes.start(explore, workload, effort, span, stride) for span in spans]


def kills_of(workload: Workload, effort: Effort, processes: Processes) -> Pending:
    """Every kill of a workload, each process taking its share of the moments."""
    parts = processes.count
    return [processes.start(explore_kills, workload, effort, part, parts) for part in range(parts)]


STARTS = {
    "test_no_crash_breaks_a_promise": images_of,
    "test_no_power_cut_after_a_kill_breaks_a_promise": kills_of,
}


@pytest.fixture(scope="module")
def begun(request: pytest.FixtureRequest, effort: Effort, processes: Processes) -> dict[str, Pending]:
    """The work of all tests of this run, begun before the first result is waited for."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    return {
        item.name: STARTS[item.originalname](item.callspec.params["workload"], effort, processes)
        for item in items
        if item.originalname in STARTS
    }


@pytest.mark.parametrize("workload", workloads.ALL, ids=lambda workload: workload.__name__)
def test_no_crash_breaks_a_promise(workload, request, begun, tally: Tally):
    for result in begun[request.node.name]:
        tally.add(result())


@pytest.mark.parametrize("workload", workloads.ALL, ids=lambda workload: workload.__name__)
def test_no_power_cut_after_a_kill_breaks_a_promise(workload, request, begun, tally: Tally):
    for result in begun[request.node.name]:
        tally.add(result())


def test_enough_images_were_tried(begun, effort: Effort, tally: Tally):
    """The figure that is published; it means something only when all workloads ran."""
    if len(begun) == len(STARTS) * len(workloads.ALL):
        assert len(tally.distinct) >= effort.distinct_images_min
