"""The figures computed straight from the CSV, with nothing of ``streamz_core``: what the app must equal."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from examples.departures import feed

HOUR_MS = 3_600_000


@dataclass
class Figures:
    """What the demo shows."""

    departures: int = 0
    cancelled: int = 0
    unreadable: int = 0
    late: int = 0
    hours: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """(airport, hour's start in ms) -> (departures, sum of their delays in minutes)."""
    airlines: dict[str, int] = field(default_factory=dict)
    """Airline's name -> departures."""


def compute(lines: list[str], grace_ms: int) -> Figures:
    """Count with a dict. A row is late if its hour, plus the grace, had ended at its airport before it came."""
    figures = Figures()
    hours: dict[tuple[str, int], list[int]] = defaultdict(list)
    carriers: dict[str, int] = defaultdict(int)
    newest: dict[str, int] = defaultdict(lambda: -1)
    for row in csv.reader(lines):
        try:
            origin, carrier, delay, scheduled_ms = _columns(row)
        except ValueError:
            figures.unreadable += 1
            continue
        if delay is None:
            figures.cancelled += 1
            continue
        figures.departures += 1
        carriers[carrier] += 1
        newest[origin] = max(newest[origin], scheduled_ms)
        hour = scheduled_ms - scheduled_ms % HOUR_MS
        if hour + HOUR_MS + grace_ms <= newest[origin]:
            figures.late += 1
        else:
            hours[origin, hour].append(delay)
    figures.hours = {key: (len(delays), sum(delays)) for key, delays in hours.items()}
    names = feed.airlines()
    figures.airlines = {names[carrier]: count for carrier, count in carriers.items()}
    return figures


def _columns(row: list[str]) -> tuple[str, str, int | None, int]:
    if len(row) != 19 or row[12] not in {"EWR", "JFK", "LGA"}:
        raise ValueError(row)
    int(row[10])
    hour = datetime.strptime(row[18], "%Y-%m-%dT%H:%M:%SZ")
    minutes = (hour - datetime(1970, 1, 1)).total_seconds() // 60 + int(row[17])
    return row[12], row[9], int(row[5]) if row[5] not in {"", "NA"} else None, int(minutes) * 60_000
