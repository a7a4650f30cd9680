"""Work by the wall clock: ``@app.timer`` and ``@app.crontab``.

Owns: when such a function is due next, and the loop that calls it.
Must not know: what it does; it runs outside of agents and their transactions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamz_core.aio.deadline import sleep
from streamz_core.app.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from streamz_core.clock import Clock

_FIELDS: Final = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_NAMES: Final = {
    3: ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    4: ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_SEARCH_DAYS: Final = 366 * 8 + 1
"""A 29th of February may be eight years away."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A function to be called every ``interval_ms``."""

    fun: Callable[[], Awaitable[Any]]
    name: str
    interval_ms: int

    async def run(self, clock: Clock) -> None:
        """Call it at a steady beat; one that takes longer is followed by the next at once, not by several."""
        due_ms = clock.monotonic_ms() + self.interval_ms
        while True:
            await sleep(clock, due_ms - clock.monotonic_ms())
            await self.fun()
            due_ms = max(due_ms + self.interval_ms, clock.monotonic_ms())


@dataclass(frozen=True, slots=True)
class Crontab:
    """A function to be called at the times of a cron expression."""

    fun: Callable[[], Awaitable[Any]]
    name: str
    schedule: CronSchedule
    timezone: tzinfo | None

    async def run(self, clock: Clock) -> None:
        """Call it at every due minute; minutes that pass while it runs are left out."""
        while True:
            now_ms = clock.now_ms()
            now = datetime.fromtimestamp(now_ms / 1000, tz=self.timezone)
            due = self.schedule.next_after(now)
            await sleep(clock, due.timestamp() * 1000 - now_ms)
            await self.fun()


class CronSchedule:
    """The five fields of a cron expression.

    >>> CronSchedule("*/15 9-17 * * mon-fri").next_after(datetime(2026, 1, 2, 17, 50))
    datetime.datetime(2026, 1, 5, 9, 0)
    """

    def __init__(self, expression: str) -> None:
        """Raises ``ImproperlyConfigured`` naming the field that is wrong."""
        parts = expression.split()
        if len(parts) != len(_FIELDS):
            raise ImproperlyConfigured(
                f"crontab {expression!r} has {len(parts)} fields instead of 5: minute hour day month weekday"
            )
        sets = [_field(expression, number, part) for number, part in enumerate(parts)]
        self._minutes, self._hours, self._days, self._months, weekdays = sets
        self._weekdays = {day % 7 for day in weekdays}
        # Cron's rule: where both day fields are given, either may match.
        self._either_day = not parts[2].startswith("*") and not parts[4].startswith("*")

    def next_after(self, moment: datetime) -> datetime:
        """The first matching minute after ``moment``, in its time zone."""
        minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for ahead in range(_SEARCH_DAYS):
            day = minute if ahead == 0 else (minute + timedelta(days=ahead)).replace(hour=0, minute=0)
            if not self._matches_day(day):
                continue
            for hour in sorted(self._hours):
                for at in sorted(self._minutes):
                    if (hour, at) >= (day.hour, day.minute):
                        return day.replace(hour=hour, minute=at)
        raise ImproperlyConfigured("a crontab has no date in the next eight years")

    def _matches_day(self, day: datetime) -> bool:
        if day.month not in self._months:
            return False
        by_date, by_weekday = day.day in self._days, day.isoweekday() % 7 in self._weekdays
        return (by_date or by_weekday) if self._either_day else (by_date and by_weekday)


def zone(name: str | None) -> tzinfo | None:
    """A time zone by its IANA name; None is the machine's."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ImproperlyConfigured(f"time zone {name!r} is not known: {error}") from error


def _field(expression: str, number: int, text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        found.update(_part(expression, number, part))
    return found


def _part(expression: str, number: int, part: str) -> range:
    what, low, high = _FIELDS[number]
    span, _, step_text = part.partition("/")
    first_text, dash, last_text = span.partition("-")
    try:
        step = int(step_text) if step_text else 1
        if span == "*":
            first, last = low, high
        else:
            first = _number(number, first_text)
            last = _number(number, last_text) if dash else (high if step_text else first)
    except ValueError:
        raise ImproperlyConfigured(
            f"crontab {expression!r}: {what} {part!r} is not a number or name"
        ) from None
    if not (low <= first <= last <= high and step > 0):
        raise ImproperlyConfigured(f"crontab {expression!r}: {what} {part!r} is outside {low}-{high}")
    return range(first, last + 1, step)


def _number(number: int, text: str) -> int:
    names = _NAMES.get(number, ())
    if text.lower() in names:
        return names.index(text.lower()) + (1 if number == 3 else 0)
    return int(text)
