"""``streamz e2e-latency``: kafka-e2e-latency's flags and output.

Owns: the verb's options, one record at a time from send to receipt, and what is printed of it.
Must not know: how records travel; the arithmetic (``perf_figures``).
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.client_properties import ADMIN
from streamz_core.cli.client_settings import client_arguments
from streamz_core.cli.connection import CommandError, address_option, connected, run
from streamz_core.cli.interruption import interruption, unless
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import options, properties
from streamz_core.cli.perf_figures import Latencies
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    import asyncio

    from streamz_core.client.link import Link
    from streamz_core.progress_bar import ProgressBar

_TELL_EVERY: Final = 1000
_OLD: Final = (
    "--bootstrap-server",
    "--topic",
    "--num-records",
    "--producer-acks",
    "--record-size",
    "--command-config",
)
_PERCENTILES: Final = {"50th": 0.5, "99th": 0.99, "99.9th": 0.999}

_options = options(
    click.option(
        "--topic",
        shell_complete=topic_names,
        required=True,
        metavar="NAME",
        help="The topic; made if it is missing.",
    ),
    click.option(
        "--num-records", "count", required=True, type=click.IntRange(1), help="How many records to send."
    ),
    click.option(
        "--producer-acks",
        "acks",
        type=click.Choice(["all", "-1", "1"]),
        default="all",
        show_default=True,
        help="When a record counts as sent: all: durable; 1: written.",
    ),
    click.option(
        "--record-size", required=True, type=click.IntRange(1), help="Bytes of each record's value."
    ),
    click.option(
        "--record-key-size", type=click.IntRange(0), default=0, show_default=True, help="Bytes of its key."
    ),
    click.option("--command-config", metavar="FILE", help="A properties file for both clients."),
    click.option(
        "--receive-timeout-ms",
        type=click.IntRange(1),
        default=60_000,
        show_default=True,
        help="Give up on a record after so long.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    quiet_option,
)


class _OldArguments(click.Command):
    """Understands Kafka's tool from before KIP-1147: BROKERS TOPIC RECORDS ACKS BYTES [FILE], without names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give the arguments their names."""
        if len(args) in (len(_OLD) - 1, len(_OLD)) and not any(one.startswith("--") for one in args):
            args = [part for pair in zip(_OLD, args, strict=False) for part in pair]
        return super().parse_args(ctx, args)


@click.command("e2e-latency", cls=_OldArguments)
@address_option
@_options
def command(address: str, command_config: str | None, **given: Any) -> None:
    """Send records one by one, each when the one before has been read, and print how long each was on its way."""
    said = properties(command_config, (), file_option="--command-config", option="")
    settings = client_arguments(said, ADMIN, "--command-config")
    latencies = run(_measure(address, settings, given))
    if given["as_json"]:
        figures = latencies.as_json(_PERCENTILES)
        click.echo(json.dumps({"records": latencies.count, "latency_ms": figures}))
        return
    click.echo(f"Avg latency: {latencies.mean:.4f} ms\n")
    tail = ", ".join(f"{name} = {latencies.percentile(share):.3f}" for name, share in _PERCENTILES.items())
    click.echo(f"Percentiles (ms): {tail}")


async def _measure(address: str, settings: dict[str, Any], given: dict[str, Any]) -> Latencies:
    acks = given["acks"]
    with interruption() as interrupted, bar_unless(given["quiet"], given["as_json"]) as bar:
        async with (
            connected(address, create=True) as link,
            AIOKafkaProducer(
                bootstrap_servers=link, acks=acks if acks == "all" else int(acks), linger_ms=0, **settings
            ) as producer,
        ):
            await producer.partitions_for(given["topic"])  # the topic is there from now on
            async with AIOKafkaConsumer(bootstrap_servers=link, fetch_max_wait_ms=0, **settings) as consumer:
                await _stand_at_the_end(consumer, producer, given["topic"])
                bar.begin("sending and reading", "records", given["count"])
                return await _RoundTrips(producer, consumer, link, given, bar).run(interrupted)


async def _stand_at_the_end(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, topic: str) -> None:
    partitions = [TopicPartition(topic, number) for number in await producer.partitions_for(topic)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    for partition in partitions:
        await consumer.position(partition)


class _RoundTrips:
    """One record after the other."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        consumer: AIOKafkaConsumer,
        link: Link,
        given: dict[str, Any],
        bar: ProgressBar,
    ) -> None:
        self._bar = bar
        self._is_json: bool = given["as_json"]
        self._producer = producer
        self._consumer = consumer
        self._clock = link.clock
        self._topic: str = given["topic"]
        self._count: int = given["count"]
        self._sizes = (given["record_key_size"], given["record_size"])
        self._timeout_ms: int = given["receive_timeout_ms"]
        self._random = Random(0)  # noqa: S311 - payload, no secret

    async def run(self, interrupted: asyncio.Future[None]) -> Latencies:
        """All records, or those until a signal."""
        latencies = Latencies(self._count)
        for number in range(self._count):
            took_ms = await unless(interrupted, self._once())
            if took_ms is None:
                break
            if number % _TELL_EVERY == 0 and not self._is_json:
                self._bar.erase()
                click.echo(f"{number}\t{took_ms:.3f}")
            latencies.add(took_ms)
            self._bar.add(1)
        return latencies

    async def _once(self) -> float:
        key, value = (bytes(self._random.choices(range(65, 91), k=size)) for size in self._sizes)
        began_ms = self._clock.monotonic_ms()
        await self._producer.send_and_wait(self._topic, value, key or None)
        polled = await self._consumer.getmany(timeout_ms=self._timeout_ms)
        took_ms = self._clock.monotonic_ms() - began_ms
        records = [record for batch in polled.values() for record in batch]
        if not records:
            raise CommandError(f"a record sent to {self._topic!r} did not come within {self._timeout_ms} ms")
        if len(records) > 1 or records[0].value != value:
            raise CommandError(f"other records came to {self._topic!r}: take a topic nobody else writes to")
        return took_ms
