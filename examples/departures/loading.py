"""Putting the rows into the log, once, however often the loader is killed and started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.departures import feed
from examples.departures.app import PARTITIONS
from examples.departures.flights import AIRPORTS
from streamz_core.aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

if TYPE_CHECKING:
    from examples.departures.app import DeparturesApp


async def load(app: DeparturesApp, lines: list[str]) -> int:
    """Send what is not in the log yet; returns how many rows that were.

    A partition holds a prefix of its rows, in order, whatever happened before: so its end offset
    says where to go on.
    """
    await app.declare(app.flights, app.airlines)
    ends = await _end_offsets(app)
    sent, skipped = 0, [0] * PARTITIONS
    async with AIOKafkaProducer(bootstrap_servers=app.conf.broker, acks="all", linger_ms=5) as producer:
        for carrier, name in feed.airlines().items():  # sent again at each start: a table does not mind
            await producer.send(
                app.airlines.get_topic_name(), name.encode(), carrier.encode(), timestamp_ms=0
            )
        for line in lines:
            partition = _partition(line)
            if skipped[partition] < ends[partition]:
                skipped[partition] += 1
                continue
            await producer.send(app.flights.get_topic_name(), line.encode(), partition=partition)
            sent += 1
    return sent


def _partition(line: str) -> int:
    """By airport, so that each one's rows keep their order; damaged rows go to the last partition."""
    fields = line.split(",")
    return AIRPORTS.index(fields[12]) if len(fields) > 12 and fields[12] in AIRPORTS else PARTITIONS - 1


async def _end_offsets(app: DeparturesApp) -> list[int]:
    partitions = [TopicPartition(app.flights.get_topic_name(), index) for index in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=app.conf.broker) as consumer:
        ends = await consumer.end_offsets(partitions)
    return [ends[partition] for partition in partitions]
