"""The figures as a person reads them: a table by airport and airline, and a chart by hour of the day."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.departures.reference import Figures

NAMES = {"EWR": "Newark", "JFK": "Kennedy", "LGA": "LaGuardia"}
BAR_CELLS = 44
EIGHTHS = " ▏▎▍▌▋▊▉█"


def render(figures: Figures) -> str:
    """The whole report."""
    return "\n".join(
        [*_airports(figures), "", *_hours_of_day(figures), "", *_airlines(figures), "", *_rest(figures)]
    )


def _airports(figures: Figures) -> Iterator[str]:
    yield f"{'airport':<16}{'departures':>11}{'mean delay':>12}   {'worst hour':<18}{'its mean':>9}"
    for code, name in NAMES.items():
        hours = {start: tally for (airport, start), tally in figures.hours.items() if airport == code}
        flights = sum(count for count, _ in hours.values())
        delay = sum(total for _, total in hours.values())
        busy = {start: total / count for start, (count, total) in hours.items() if count >= 5}
        worst = max(busy, key=lambda start: busy[start])
        yield (
            f"{code} {name:<12}{flights:>11,}{delay / flights:>8.1f} min   "
            f"{_local(worst):%a %d %b %H:00}   {busy[worst]:>7.1f} min"
        )


def _hours_of_day(figures: Figures) -> Iterator[str]:
    """Mean delay by scheduled hour of the day, in New York."""
    flights: dict[int, int] = defaultdict(int)
    delays: dict[int, int] = defaultdict(int)
    for (_, start), (count, total) in figures.hours.items():
        hour = _local(start).hour
        flights[hour] += count
        delays[hour] += total
    means = {hour: delays[hour] / flights[hour] for hour in sorted(flights)}
    longest = max(means.values())
    yield "mean delay by scheduled hour, minutes"
    for hour, mean in means.items():
        yield f"  {hour:02d}:00 {_bar(max(mean, 0) / longest)} {mean:5.1f}"


def _airlines(figures: Figures) -> Iterator[str]:
    ranked = sorted(figures.airlines.items(), key=lambda item: -item[1])
    yield f"{'airline':<32}{'departures':>11}"
    for name, count in ranked[:6]:
        yield f"{name:<32}{count:>11,}"
    yield f"{f'… and {len(ranked) - 6} more':<32}{sum(count for _, count in ranked[6:]):>11,}"


def _rest(figures: Figures) -> Iterator[str]:
    yield (
        f"{figures.departures:,} departures, {figures.cancelled:,} cancelled, {figures.late:,} reported too late "
        f"for their hour, {figures.unreadable:,} rows in the dead-letter topic"
    )


def _bar(share: float) -> str:
    eighths = round(share * BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(BAR_CELLS)


def _new_york() -> tzinfo:
    try:
        return ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:  # a machine without time zone data: winter time is right for January
        return timezone(timedelta(hours=-5))


NEW_YORK = _new_york()


def _local(start_ms: int) -> datetime:
    return datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(NEW_YORK)
