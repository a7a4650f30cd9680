"""Harness H2, the syscall killer: a real process on a real file system, killed at every call it makes.

Owns: one point of death of the log: the script's life that ends there, a recovery that is killed as
well, the life that reads what is left, and the verdict. Run all of it, or one point again::

    python -m tests.chaos.killer --directory DIR --every 1
    python -m tests.chaos.killer --directory DIR --call 17 --moment after

Must not know: what the script does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections import Counter
from random import Random

from streamz_core.client import local_link
from tests.chaos import script
from tests.chaos.checker import check, report
from tests.chaos.dying_files import DyingFiles, Moment, Point, points
from tests.chaos.journal import Journal, load
from tests.chaos.last_lives import read_everything, settle
from tests.chaos.life import begin
from tests.chaos.processes import LifeFailed, check_end, child, kill, wait

WITHIN_S = 60.0
RECOVERY_CALLS = 40
"""A recovery is killed at a call up to here; many are over before."""


async def scripted(directory: str, number: int, point: Point | None, trace: str = "") -> None:
    """The script, in a process that dies at ``point``; its calls are left in the file ``trace``."""
    files = DyingFiles(point)
    local_link.DiskFiles = lambda: files  # type: ignore[assignment, misc]
    # Acknowledged at level ``os`` is what survives a kill; not what was never synced.
    acks = "all" if point is not None and point.moment is Moment.UNSYNCED else 1
    await script.run(directory, number, acks=acks)
    if trace:
        with open(trace, "w", encoding="utf-8") as file:
            file.write("\n".join(files.death.trace))


async def look(directory: str, number: int, point: Point | None = None) -> None:
    """Recover, settle, and read everything, in a process that may die at ``point``."""
    files = DyingFiles(point)
    local_link.DiskFiles = lambda: files  # type: ignore[assignment, misc]
    life = await begin(directory, Journal(f"{directory}/history", number), number, script.GROUPS)
    await settle(life, "transactor", "copier")
    await read_everything(life, script.GROUPS)
    await life.link.close()


def trace_of(directory: str) -> list[str]:
    """The calls of a run of the script that nobody kills."""
    os.makedirs(directory)
    path = f"{directory}/trace.txt"
    _life(directory, lambda: scripted(directory, 1, None, path), may_die=False)
    with open(path, encoding="utf-8") as file:
        trace = file.read().split("\n")
    shutil.rmtree(directory)
    return trace


def die_at(directory: str, point: Point) -> tuple[int, str]:
    """Die at ``point``, die again while recovering, look; how often it died, and what is wrong, or nothing."""
    os.makedirs(directory)
    again = Point(Random(str(point)).randint(1, RECOVERY_CALLS), point.moment)
    deaths = _life(directory, lambda: scripted(directory, 1, point), may_die=True)
    deaths += _life(directory, lambda: look(directory, 3, again), may_die=True)
    try:
        _life(directory, lambda: look(directory, 4), may_die=False)
    except LifeFailed as failed:
        return deaths, str(failed)
    history = load(f"{directory}/history")
    found = check(history)
    if found:
        return deaths, report(history, found)
    shutil.rmtree(directory)
    return deaths, ""


def _life(directory: str, main, *, may_die: bool) -> int:
    """One life; 1 if it died."""
    log = f"{directory}/log.txt"
    pid = child(log, main)
    code = wait(pid, WITHIN_S)
    if code is None:
        kill(pid)
    if may_die and code == -signal.SIGKILL:
        return 1
    check_end(code, log)
    return 0


def explore(directory: str, every: int, moment: Moment | None = None) -> int:
    """Die at every ``every``-th point (of one kind of moment); 0 where nothing is wrong."""
    trace = trace_of(f"{directory}/trace")
    chosen = [point for point in points(trace) if moment in (None, point.moment)][::every]
    deaths = 0
    for point in chosen:
        where = f"{directory}/{point.call}-{point.moment.name.lower()}"
        died, wrong = die_at(where, point)
        deaths += died
        if wrong:
            print(f"killed {point.moment} call {point.call}, {trace[point.call - 1]}: {wrong}")
            print(f"left in {where}; once more: {_command(directory, point)}")
            return 1
    kinds = ", ".join(f"{number} {what}" for what, number in Counter(trace).most_common())
    print(f"{deaths} deaths at {len(chosen)} of {len(points(trace))} points of {len(trace)} calls ({kinds})")
    return 0


def _command(directory: str, point: Point) -> str:
    where = f"--directory {directory}/again --call {point.call} --moment {point.moment.name.lower()}"
    return f"{sys.executable} -m tests.chaos.killer {where}"


def main() -> int:
    """All points, or one, as the command line asks."""
    parser = argparse.ArgumentParser(description="The syscall killer.")
    parser.add_argument("--directory", required=True, help="must not be there yet")
    parser.add_argument("--every", type=int, default=1, help="try every n-th point only")
    parser.add_argument("--call", type=int, help="die at this call only")
    parser.add_argument("--moment", choices=[moment.name.lower() for moment in Moment])
    options = parser.parse_args()
    directory = os.path.abspath(options.directory)
    moment = None if options.moment is None else Moment[options.moment.upper()]
    if options.call is None:
        return explore(directory, options.every, moment)
    deaths, wrong = die_at(directory, Point(options.call, moment or Moment.BEFORE))
    print(wrong or f"nothing is wrong after {deaths} deaths")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
