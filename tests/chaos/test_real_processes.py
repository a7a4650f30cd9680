"""Real processes on a real file system, killed at any moment and at any call, keep what was promised.

Harnesses H3 (kill soak), H2 (syscall killer) and that of many records, and the planted bugs that they have to find.
"""

from __future__ import annotations

import pytest

from tests.chaos.planted_bugs import BUGS
from tests.harness_form import Form, chosen_form

pytestmark = pytest.mark.timeout(0 if chosen_form() is Form.LONG else 600)


def passes(run) -> str:
    """What a harness told that has found nothing."""
    assert run.code == 0, run.told
    return run.told.strip().splitlines()[-1]


def test_a_history_of_lives_ended_by_kill_9_has_no_anomaly(runs, figures):
    run = runs["soak"].result()
    passes(run)
    figures += [f"kill soak: {one}" for one in run.told.splitlines()]


def test_killed_at_any_call_to_the_file_system_the_log_keeps_its_promises(runs, figures):
    figures.append(f"syscall killer, log: {passes(runs['killer'].result())}")


def test_killed_at_any_system_call_stores_are_the_fold_of_their_changelog(runs, figures):
    figures.append(f"syscall killer, state: {passes(runs['state_killer'].result())}")


def test_over_many_records_and_kills_each_output_comes_out_once(runs, figures):
    figures.append(f"exactly once: {passes(runs['many_records'].result())}")


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name, runs):
    run = runs[name].result()

    assert run.code == 1, f"none of {BUGS[name].told} was found: {run.told}"
