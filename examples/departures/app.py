"""The app: three agents and a fourth small one that fills the table of airlines.

    flights ──parse──▶ departures ──count_hours──▶ hourly (final results)
       │        └────▶ departures-by-carrier ──enrich──▶ enriched
       └─ rows that do not parse ──▶ flights-dlq

Run it on a directory that has the data: python -m examples.departures.app worker
"""

from __future__ import annotations

import asyncio

from examples.departures.flights import Departure, parse
from streamz_core import App, Record, after_idle

PARTITIONS = 4  # EWR, JFK and LGA fall into three different ones, so stream time is per airport
HOUR = 3600
GRACE = 2 * HOUR


class Tally(Record):
    """Flights and the sum of their delays in minutes."""

    flights: int = 0
    delay: int = 0

    def plus(self, delay: int) -> Tally:
        """One more flight."""
        return Tally(flights=self.flights + 1, delay=self.delay + delay)


class HourlyResult(Record):
    """The final figures of one airport and scheduled hour."""

    airport: str
    hour_ms: int
    flights: int
    delay: int


class Enriched(Record):
    """A departure with its airline's name."""

    airline: str
    flight: int
    origin: str
    dest: str
    delay: int


class DeparturesApp(App):
    """The app with its topics and tables by name, for whoever shows their contents."""

    def __init__(self, broker: str, *, rows_per_second: int = 0) -> None:
        super().__init__("departures", broker=broker, topic_partitions=PARTITIONS)
        self.rows_per_second = rows_per_second
        self.flights = self.topic("flights", value_type=str)
        self.airlines = self.topic("airlines", key_type=str, value_type=str)
        self.departures = self.topic("departures", key_type=str, value_type=Departure)
        self.by_carrier = self.topic("departures-by-carrier", key_type=str, value_type=Departure)
        self.hourly = self.topic("hourly", key_type=str, value_type=HourlyResult)
        self.enriched = self.topic("enriched", key_type=str, value_type=Enriched)
        self.seen = self.Table("seen", default=int)
        self.names = self.Table("names")
        self.by_airline = self.Table("by_airline", default=int)
        self.hours = self.Table(
            "hours", default=Tally, value_type=Tally, on_window_close=self._emit_hour
        ).tumbling(HOUR, grace=GRACE, close=after_idle(2))
        self.agent(self.flights, dead_letter=True)(self.parse)
        self.agent(self.departures)(self.count_hours)
        self.agent(self.airlines)(self.learn_names)
        self.agent(self.by_carrier, retry=20)(self.enrich)

    async def parse(self, lines):
        """(a) Parse, filter, forward. A row that raises goes to ``flights-dlq`` as it came."""
        async for line in lines:
            departure = parse(line)
            await self._pace()
            if departure.delay_minutes is None:
                self.seen["cancelled"] += 1
                continue
            self.seen["departed"] += 1
            at = departure.scheduled_ms / 1000  # the event's own time
            await self.departures.send(key=departure.origin, value=departure, timestamp=at)
            await self.by_carrier.send(key=departure.carrier, value=departure, timestamp=at)

    async def count_hours(self, departures):
        """(b) Departures and delay per airport and scheduled hour; late rows are counted by the table."""
        async for departure in departures:
            self.hours[departure.origin].apply(Tally.plus, departure.delay_minutes)

    async def _emit_hour(self, key, value):
        """Called once for each hour that closed, in the transaction that closes it."""
        airport, (start, _end) = key
        result = HourlyResult(
            airport=airport, hour_ms=int(start * 1000), flights=value.flights, delay=value.delay
        )
        await self.hourly.send(key=airport, value=result)

    async def learn_names(self, names):
        """Fill the table of airlines."""
        async for carrier, name in names.items():
            self.names[carrier] = name

    async def enrich(self, departures):
        """(c) Give every departure its airline's name. An airline not known yet is tried again shortly."""
        async for departure in departures:
            name = self.names[departure.carrier]
            self.by_airline[name] += 1
            await self.enriched.send(
                key=departure.carrier,
                value=Enriched(
                    airline=name,
                    flight=departure.flight,
                    origin=departure.origin,
                    dest=departure.dest,
                    delay=departure.delay_minutes,
                ),
            )

    async def _pace(self) -> None:
        """Hold back, so that a person can watch, or kill it in the middle."""
        if self.rows_per_second:
            self._since_pause = getattr(self, "_since_pause", 0) + 1
            if self._since_pause >= self.rows_per_second // 20:
                self._since_pause = 0
                await asyncio.sleep(0.05)


if __name__ == "__main__":
    DeparturesApp("file://./demo-data").main()
