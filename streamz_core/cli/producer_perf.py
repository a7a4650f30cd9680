"""``streamz producer-perf``: kafka-producer-perf-test's flags and output.

Owns: the verb's options, what is sent and when, and the lines that are printed.
Must not know: how records are batched and sent; the arithmetic (``perf_figures``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.aio.deadline import sleep
from streamz_core.cli.client_properties import PRODUCER, as_producers_have_it
from streamz_core.cli.client_settings import client_arguments
from streamz_core.cli.connection import CommandError, address_option, connected, run
from streamz_core.cli.interruption import interruption
from streamz_core.cli.many_values import ManyValuesCommand, many_values
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options, properties, read_bytes
from streamz_core.cli.perf_figures import MB_BYTES, Latencies, due_ms, rate
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import StreamzError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from streamz_core.clock import Clock
    from streamz_core.model import RecordMetadata
    from streamz_core.progress_bar import ProgressBar

_PERCENTILES: Final = {"50th": 0.5, "95th": 0.95, "99th": 0.99, "99.9th": 0.999}
_TURN: Final = 512
"""Records between two looks at the clock."""

_what = options(
    click.option(
        "--topic",
        shell_complete=topic_names,
        required=True,
        metavar="NAME",
        help="The topic to send to; made if missing.",
    ),
    click.option(
        "--num-records", "count", required=True, type=click.IntRange(1), help="How many records to send."
    ),
    click.option(
        "--record-size", type=click.IntRange(1), help="Bytes of each record's value, random letters."
    ),
    click.option("--payload-file", metavar="FILE", help="In place of it: values to choose among."),
    click.option(
        "--payload-delimiter", default="\\n", metavar="TEXT", help="What separates them.  [default: \\n]"
    ),
    click.option("--payload-monotonic", is_flag=True, help="Values are rising numbers."),
    click.option(
        "--throughput",
        type=float,
        default=-1.0,
        metavar="RECORDS",
        help="Records a second at most; -1: no limit.  [default: -1]",
    ),
    click.option("--warmup-records", type=click.IntRange(0), default=0, help="First records to leave out."),
    click.option(
        "--reporting-interval", type=click.IntRange(1), default=5000, show_default=True, help="ms a line."
    ),
    click.option(
        "--print-metrics", is_flag=True, help="Print the producer's settings and totals at the end."
    ),
    click.option("--transactional-id", metavar="ID", help="Send in transactions of this id."),
    click.option(
        "--transaction-duration-ms", type=click.IntRange(1), help="How long each is.  [default: 3000]"
    ),
)
_output = options(
    click.option("--json", "as_json", is_flag=True, help="Print each line as JSON."),
    quiet_option,
)
_client = options(
    many_values(
        "--producer-props",
        "--producer-prop",
        "--command-property",
        help="Settings of the producer by Kafka's names, such as acks=1 linger.ms=5; also bootstrap.servers.",
    ),
    click.option(
        "--producer.config",
        "--command-config",
        "client_config",
        metavar="FILE",
        help="A properties file with such settings.",
    ),
)


@click.command("producer-perf", cls=ManyValuesCommand)
@address_option
@_what
@_output
@_client
def command(address: str, producer_props: tuple[str, ...], client_config: str | None, **given: Any) -> None:
    """Send records as fast as asked for, and print how many a second there were and how long each took."""
    option = "--producer-props"
    said = properties(client_config, producer_props, file_option="--producer.config", option=option)
    address = said.pop("bootstrap.servers", address)
    transactional_id = given["transactional_id"]
    if transactional_id is None and given["transaction_duration_ms"] is not None:
        transactional_id = "streamz-producer-perf"
    settings = as_producers_have_it(client_arguments(said, PRODUCER, option))
    if transactional_id is not None:
        settings["transactional_id"] = transactional_id
    run(_measure(address, settings, _Plan(given), given))


class _Plan:
    """What is sent: how many records, of which values, how fast."""

    def __init__(self, given: dict[str, Any]) -> None:
        ways = [
            given["record_size"] is not None,
            given["payload_file"] is not None,
            given["payload_monotonic"],
        ]
        if sum(ways) != 1:
            raise click.UsageError("give exactly one of --record-size, --payload-file, --payload-monotonic")
        self.topic: str = given["topic"]
        self.count: int = given["count"]
        self.per_second: float = given["throughput"]
        self._size = given["record_size"]
        self._choices = _payloads(given["payload_file"], given["payload_delimiter"]) if ways[1] else None

    def values(self) -> Iterator[bytes]:
        """The value of each record; the same ones in each run."""
        random = Random(0)  # noqa: S311 - payload, no secret
        if self._choices is not None:
            choices = self._choices
            return (random.choice(choices) for _ in range(self.count))
        if self._size is not None:
            value = bytes(random.choices(range(65, 91), k=self._size))
            return (value for _ in range(self.count))
        return (b"%d" % number for number in range(self.count))


def _payloads(path: str, delimiter: str) -> list[bytes]:
    separator = delimiter.encode().decode("unicode_escape").encode()
    payloads = [one for one in read_bytes(path, "--payload-file").split(separator) if one]
    if not payloads:
        raise OptionError(f"--payload-file {path}: there is nothing in it")
    return payloads


@dataclass(slots=True)
class _Window:
    """What is counted from one line to the next, or of the whole run."""

    began_ms: float
    latencies: Latencies = field(default_factory=Latencies)
    size: int = 0

    def line(self, now_ms: float) -> str:
        """As Kafka's tool prints it."""
        took_ms, count = now_ms - self.began_ms, self.latencies.count
        return (
            f"{count} records sent, {rate(count, took_ms):.1f} records/sec "
            f"({rate(self.size / MB_BYTES, took_ms):.2f} MB/sec), {self.latencies.mean:.1f} ms avg latency, "
            f"{self.latencies.greatest:.1f} ms max latency"
        )

    def as_json(self, now_ms: float) -> dict[str, Any]:
        """The same for a program."""
        took_ms, count = now_ms - self.began_ms, self.latencies.count
        return {
            "records": count,
            "records_per_second": rate(count, took_ms),
            "mb_per_second": rate(self.size / MB_BYTES, took_ms),
            "latency_ms": self.latencies.as_json(_PERCENTILES),
        }


class _Report:
    """Counts acknowledgements and prints a line now and then; the first failure is kept."""

    def __init__(self, clock: Clock, given: dict[str, Any], bar: ProgressBar) -> None:
        self._clock = clock
        self._bar = bar
        self._is_json: bool = given["as_json"]
        self._warmup: int = given["warmup_records"]
        self._interval_ms: int = given["reporting_interval"]
        now_ms = clock.monotonic_ms()
        self._whole = _Window(now_ms, Latencies(given["count"]))
        self._window = _Window(now_ms)
        self._seen = 0
        self._shown = 0
        self.failure: BaseException | None = None

    def follow(self, future: asyncio.Future[RecordMetadata], size: int) -> None:
        """Count the record in once it is acknowledged."""
        sent_ms = self._clock.monotonic_ms()

        def acknowledged(done: asyncio.Future[RecordMetadata]) -> None:
            error = done.exception()
            if error is not None:
                self.failure = self.failure or error
                return
            try:
                self._count(self._clock.monotonic_ms(), sent_ms, size)
            except BrokenPipeError as gone:  # whoever reads the lines has had enough
                self.failure = gone

        future.add_done_callback(acknowledged)

    def _count(self, now_ms: float, sent_ms: float, size: int) -> None:
        self._seen += 1
        if self._seen <= self._warmup:
            if self._seen == self._warmup:
                self._whole.began_ms = self._window.began_ms = now_ms
            return
        for window in (self._whole, self._window):
            window.latencies.add(now_ms - sent_ms)
            window.size += size
        if now_ms - self._window.began_ms >= self._interval_ms:
            self._bar.erase()
            is_json = self._is_json
            click.echo(
                json.dumps(self._window.as_json(now_ms)) if is_json else f"{self._window.line(now_ms)}."
            )
            self._window = _Window(now_ms)

    def show(self) -> None:
        """Have the bar know what has come since the last time."""
        self._bar.add(self._seen - self._shown)
        self._shown = self._seen

    def total(self) -> str:
        """The last line."""
        self._bar.erase()
        now_ms = self._clock.monotonic_ms()
        if self._is_json:
            return json.dumps({**self._whole.as_json(now_ms), "is_total": True})
        tail = ", ".join(
            f"{self._whole.latencies.percentile(share):.1f} ms {name}" for name, share in _PERCENTILES.items()
        )
        return f"{self._whole.line(now_ms)}, {tail}."


async def _measure(address: str, settings: dict[str, Any], plan: _Plan, given: dict[str, Any]) -> None:
    with interruption() as interrupted, bar_unless(given["quiet"], given["as_json"]) as bar:
        async with (
            connected(address, create=True) as link,
            AIOKafkaProducer(bootstrap_servers=link, **settings) as producer,
        ):
            bar.begin("sending", "records", plan.count)
            report = _Report(link.clock, given, bar)
            sender = _Sender(producer, plan, report, link.clock)
            if "transactional_id" in settings:
                sender.transaction_ms = given["transaction_duration_ms"] or 3000
            try:
                await sender.run(interrupted)
            except StreamzError as error:
                raise CommandError(f"sending to {plan.topic!r} failed: {error}") from error
            if isinstance(report.failure, BrokenPipeError):
                raise report.failure
            if report.failure is not None:
                raise CommandError(f"sending to {plan.topic!r} failed: {report.failure}") from report.failure
            click.echo(report.total())
            if given["print_metrics"]:
                _print_metrics(sender, settings)


class _Sender:
    """Sends the plan's records when they are due."""

    def __init__(self, producer: AIOKafkaProducer, plan: _Plan, report: _Report, clock: Clock) -> None:
        self._producer = producer
        self._plan = plan
        self._report = report
        self._clock = clock
        self.transaction_ms: int | None = None
        self.sent = 0
        self.transactions = 0
        self._transaction_began_ms = 0.0

    async def run(self, interrupted: asyncio.Future[None]) -> None:
        """Send all, and wait until all are acknowledged; a signal or a failure ends it early."""
        began_ms = self._clock.monotonic_ms()
        await self._begin()
        for value in self._plan.values():
            future = await self._producer.send(self._plan.topic, value)
            self._report.follow(future, len(value))
            self.sent += 1
            now_ms = self._clock.monotonic_ms()
            early_ms = began_ms + due_ms(self.sent, self._plan.per_second) - now_ms
            if early_ms > 0 or self.sent % _TURN == 0:
                self._report.show()
                await sleep(self._clock, early_ms)
                await self._change_transactions(now_ms)
                if interrupted.done() or self._report.failure is not None:
                    break
        await self._end()

    async def _change_transactions(self, now_ms: float) -> None:
        if self.transaction_ms is not None and now_ms - self._transaction_began_ms >= self.transaction_ms:
            await self._end()
            await self._begin()

    async def _begin(self) -> None:
        if self.transaction_ms is not None:
            self._transaction_began_ms = self._clock.monotonic_ms()
            await self._producer.begin_transaction()

    async def _end(self) -> None:
        if self.transaction_ms is not None:
            await self._producer.commit_transaction()
            self.transactions += 1
        else:
            await self._producer.flush()
        # The futures are done; those who count what they tell have their turn now, and the last line comes after them.
        await sleep(self._clock, 0)


def _print_metrics(sender: _Sender, settings: dict[str, Any]) -> None:
    click.echo("")
    for name, value in sorted(settings.items()):
        click.echo(f"producer-setting:{name} : {value}")
    click.echo(f"producer-metric:record-send-total : {sender.sent}")
    click.echo(f"producer-metric:transactions-total : {sender.transactions}")
