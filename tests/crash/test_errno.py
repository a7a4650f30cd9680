"""Owns: harness H4: every file call fails, once and for good, in every way disks fail; no promise breaks."""

from __future__ import annotations

import pytest

from streamz_core.testing.faulty_files import FAULTS
from tests.crash import workloads
from tests.crash.effort import Effort
from tests.crash.errno_runs import RUNS, fail_calls
from tests.crash.processes import Processes
from tests.crash.tally import Tally


@pytest.mark.parametrize("workload", workloads.ALL, ids=lambda workload: workload.__name__)
def test_no_failing_call_breaks_a_promise(workload, effort: Effort, processes: Processes, tally: Tally):
    begun = [processes.start(fail_calls, workload, fault, effort.errno_runs_max) for fault in FAULTS]
    for result in begun:
        tally.add(result())


def test_enough_calls_failed(request: pytest.FixtureRequest, effort: Effort, tally: Tally):
    """The figure means something only when all workloads ran."""
    ran = sum(item.originalname == "test_no_failing_call_breaks_a_promise" for item in request.session.items)
    if ran == len(workloads.ALL):
        assert tally.other[RUNS] >= effort.errno_runs_min
