"""Owns: the figures of the crash harnesses, printed at the end of the run."""

import os

import pytest

from tests.crash.explore import Effort, Tally

TALLY = Tally()
FIGURES: dict[str, str] = {}


@pytest.fixture(scope="session")
def tally() -> Tally:
    """What all crash tests of this run have counted together."""
    return TALLY


@pytest.fixture(scope="session")
def figures() -> dict[str, str]:
    """Lines for the end of the run, by harness."""
    return FIGURES


@pytest.fixture(scope="session")
def effort() -> Effort:
    """How much to try: a short form for every change, all of it where STREAMZ_CRASH_LONG is set."""
    if os.environ.get("STREAMZ_CRASH_LONG"):
        return Effort(
            images_max=None,
            twice_every=1,
            nested_every=11,
            nested_max=None,
            continue_every=1,
            kills_every=1,
            images_per_kill_max=None,
        )
    return Effort()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not TALLY.recoveries:
        return
    terminalreporter.section("crash harnesses")
    rate = TALLY.recoveries / TALLY.seconds if TALLY.seconds else 0
    terminalreporter.line(
        f"crash images: distinct images: {len(TALLY.distinct)}, per second: {rate:.0f} "
        f"({TALLY.recoveries} recoveries, {TALLY.images} images judged, "
        f"{TALLY.nested} crashes inside a recovery, {TALLY.continued} gone on)"
    )
    for name, figure in FIGURES.items():
        terminalreporter.line(f"{name}: {figure}")
