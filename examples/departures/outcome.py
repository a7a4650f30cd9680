"""What the app has produced so far, read back from its topics and tables, until all input is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from examples.departures.app import PARTITIONS, HourlyResult
from examples.departures.reference import Figures
from streamz_core.aiokafka import AIOKafkaConsumer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.departures.app import DeparturesApp

DEAD_LETTERS = "flights-dlq"


async def follow(app: DeparturesApp, total: int, progress: Callable[[int, int, int], None]) -> Figures:
    """Wait until every row is accounted for; raises what made the app fail."""
    failure = asyncio.ensure_future(app.wait_failed())
    async with AIOKafkaConsumer(
        app.hourly.get_topic_name(),
        DEAD_LETTERS,
        bootstrap_servers=app.conf.broker,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        figures = Figures()
        while True:
            for partition, records in (await consumer.getmany(timeout_ms=100)).items():
                if partition.topic == DEAD_LETTERS:
                    figures.unreadable += len(records)
                else:
                    _add_hours(figures, [record.value for record in records])
            _read_tables(app, figures)
            progress(_accounted(figures), total, len(figures.hours))
            if failure.done():
                raise failure.result()
            if _accounted(figures) == total and _is_settled(figures):
                failure.cancel()
                return figures


async def dead_letters(app: DeparturesApp) -> list[str]:
    """One line for each row of the dead-letter topic: where it stands and why it is there."""
    partitions = [TopicPartition(DEAD_LETTERS, index) for index in range(PARTITIONS)]
    lines = []
    async with AIOKafkaConsumer(
        bootstrap_servers=app.conf.broker, isolation_level="read_committed"
    ) as consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        while records := await consumer.getmany(timeout_ms=50):
            for record in (record for part in records.values() for record in part):
                about = {name.removeprefix("__dlq."): value.decode() for name, value in record.headers}
                where = f"{about['topic']}-{about['partition']} offset {about['offset']}"
                lines.append(f"  {where}: {about['error.message']}"[:110])
    return lines


def _add_hours(figures: Figures, values: list[bytes]) -> None:
    for result in msgspec.json.decode(b"[" + b",".join(values) + b"]", type=list[HourlyResult]):
        key = (result.airport, result.hour_ms)
        if key in figures.hours:
            raise AssertionError(f"hour {key} was emitted twice")
        figures.hours[key] = (result.flights, result.delay)


def _read_tables(app: DeparturesApp, figures: Figures) -> None:
    seen: Counter[str] = Counter()
    for what, count in app.seen.items():  # one entry per partition
        seen[what] += count
    figures.departures, figures.cancelled = seen["departed"], seen["cancelled"]
    figures.late = app.hours.late_count
    figures.airlines = dict(app.by_airline.items())


def _accounted(figures: Figures) -> int:
    return figures.departures + figures.cancelled + figures.unreadable


def _is_settled(figures: Figures) -> bool:
    """Whether every departure is in an hour's final result or was late, and has its airline's name."""
    in_hours = sum(flights for flights, _ in figures.hours.values())
    return in_hours + figures.late == figures.departures == sum(figures.airlines.values())
