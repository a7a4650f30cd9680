"""Owns: the running of the harnesses that need processes of their own, all at once, and their figures.

A harness forks, so it cannot run in the process of the tests; it waits for disks and for children, so
several share the processors well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.planted_bugs import BUGS
from tests.harness_form import SEED_VARIABLE, VARIABLE, Form, chosen_form, chosen_seed

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 4
FIGURES: list[str] = []


class Run(NamedTuple):
    """A harness that has ended."""

    code: int
    told: str


Runs = dict[str, "Future[Run]"]


def commands(base: Path) -> dict[str, list[str]]:
    """The harnesses in this run's form; of a long one STREAMZ_CHAOS_SECONDS says how long the soak lasts."""
    chosen = {
        "soak": ["--seed=1", "--kills=40"],
        "killer": ["--every=13"],
        "state_killer": ["--seed=1", "--points=30"],
        "many_records": ["--records=100000", "--kills=8"],
    }
    if chosen_form() is Form.LONG:
        seconds = os.environ.get("STREAMZ_CHAOS_SECONDS") or "600"
        seed = f"--seed={chosen_seed()}"
        chosen = {
            "soak": [seed, f"--seconds={seconds}"],
            "killer": ["--every=1"],
            "state_killer": [seed, f"--points={10 + int(float(seconds)) // 2}"],
            "many_records": [seed, "--records=1000000", "--kills=100"],
        }
    listed = {
        name: [f"tests.chaos.{name}", f"--directory={base}/{name}", *options]
        for name, options in chosen.items()
    }
    for number, bug in enumerate(BUGS):
        listed[bug] = ["tests.chaos.planted_bugs", f"--directory={base}/bug-{number}", f"--bug={bug}"]
    return listed


def run(arguments: Sequence[str]) -> Run:
    """Run one harness to its end."""
    ended = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(ended.returncode, ended.stdout)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """All harnesses, under way, by name."""
    base = tmp_path_factory.mktemp("chaos")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, arguments) for name, arguments in commands(base).items()}


@pytest.fixture(scope="session")
def figures() -> list[str]:
    """Lines for the end of the run."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        form = f"{VARIABLE}={chosen_form().value} {SEED_VARIABLE}={chosen_seed()}"
        terminalreporter.section(f"chaos harnesses, {form}")
        for figure in FIGURES:
            terminalreporter.line(figure)
