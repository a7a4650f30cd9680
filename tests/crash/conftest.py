"""Owns: what all crash tests share: the effort of this run, its processes, its figures at the end."""

import dataclasses
from collections.abc import Iterator

import pytest

from tests.crash.effort import EFFORTS, Effort
from tests.crash.processes import Processes
from tests.crash.tally import Tally
from tests.harness_form import SEED_VARIABLE, VARIABLE, chosen_form, chosen_seed

TALLY = Tally()


@pytest.fixture(scope="session")
def tally() -> Tally:
    """What all crash tests of this run have counted together."""
    return TALLY


@pytest.fixture(scope="session")
def effort() -> Effort:
    """How much to try."""
    return dataclasses.replace(EFFORTS[chosen_form()], seed=chosen_seed())


@pytest.fixture(scope="session")
def processes(effort: Effort) -> Iterator[Processes]:
    """Where the large harnesses do their work."""
    running = Processes(effort.processes)
    yield running
    running.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = TALLY.lines()
    if not lines:
        return
    form = f"{VARIABLE}={chosen_form().value} {SEED_VARIABLE}={chosen_seed()}"
    terminalreporter.section(f"crash harnesses, {form}")
    for line in lines:
        terminalreporter.line(line)
