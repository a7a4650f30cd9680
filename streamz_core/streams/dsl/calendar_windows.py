"""``CalendarWindows``: days, weeks, months and years as a time zone's clocks show them.

Owns: when such a window begins and ends, also where clocks are put forward or back.
Must not know: stores, records, when windows close.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds

_DAY: Final = timedelta(days=1)
_MONDAY: Final = 0


@dataclass(frozen=True, slots=True)
class CalendarWindows:
    """Windows from midnight to midnight: the day on which clocks are put forward has 23 hours.

    >>> windows = CalendarWindows.days(tz="Europe/Vienna")
    >>> (start,) = windows.starts(1_774_778_400_000)
    >>> (windows.end(start) - start) / 3_600_000
    23.0

    ``first_weekday`` of weeks: 0 is Monday. Midnight is the first moment of a day, where clocks skip 0:00 too.
    """

    unit: str
    zone: ZoneInfo
    grace_ms: int = 0
    first_weekday: int = _MONDAY

    @classmethod
    def days(cls, tz: str | ZoneInfo, grace: Duration = 0) -> Self:
        """A window for each day."""
        return cls("day", _zone(tz), _grace_ms(grace))

    @classmethod
    def weeks(cls, tz: str | ZoneInfo, grace: Duration = 0, *, first_weekday: int = _MONDAY) -> Self:
        """A window for each week; 0 is Monday, 6 is Sunday."""
        if first_weekday not in range(7):
            raise Misuse(f"first_weekday={first_weekday!r}: expected 0 (Monday) to 6 (Sunday)")
        return cls("week", _zone(tz), _grace_ms(grace), first_weekday)

    @classmethod
    def months(cls, tz: str | ZoneInfo, grace: Duration = 0) -> Self:
        """A window for each month."""
        return cls("month", _zone(tz), _grace_ms(grace))

    @classmethod
    def years(cls, tz: str | ZoneInfo, grace: Duration = 0) -> Self:
        """A window for each year."""
        return cls("year", _zone(tz), _grace_ms(grace))

    def starts(self, timestamp: int) -> list[int]:
        """The start of the window that ``timestamp`` is in; the first one reaches back to before the epoch."""
        day = datetime.fromtimestamp(timestamp / 1000, self.zone).date()
        return [max(0, self._midnight(self._first(day)))]

    def end(self, start: int) -> int:
        """The start of the window behind the one that begins at ``start``."""
        day = datetime.fromtimestamp(start / 1000, self.zone).date()
        return self._midnight(self._next(self._first(day)))

    def _first(self, day: date) -> date:
        if self.unit == "day":
            return day
        if self.unit == "week":
            return day - _DAY * ((day.weekday() - self.first_weekday) % 7)
        return day.replace(day=1) if self.unit == "month" else day.replace(month=1, day=1)

    def _next(self, first: date) -> date:
        if self.unit == "day":
            return first + _DAY
        if self.unit == "week":
            return first + 7 * _DAY
        if self.unit == "year" or first.month == 12:
            return first.replace(year=first.year + 1, month=1)
        return first.replace(month=first.month + 1)

    def _midnight(self, day: date) -> int:
        """The first moment of ``day``; of two midnights, the first one."""
        wall = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        # Where clocks skip midnight, this time is none: seen from UTC it is past the gap.
        return round(wall.timestamp() * 1000)


def _grace_ms(grace: Duration) -> int:
    return milliseconds(grace, "a window's grace")


def _zone(tz: str | ZoneInfo) -> ZoneInfo:
    if isinstance(tz, ZoneInfo):
        return tz
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Misuse(
            f"time zone {tz!r} is not known here: name one of the IANA database, 'Europe/Vienna' for instance; "
            "where the system has none, install the package tzdata"
        ) from error
