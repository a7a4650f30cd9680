"""``streamz consumer-perf``: kafka-consumer-perf-test's flags and columns.

Owns: the verb's options, when it has read enough, and the columns that are printed.
Must not know: how records are fetched; the arithmetic (``perf_figures``).
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.client_properties import CONSUMER
from streamz_core.cli.client_settings import client_arguments
from streamz_core.cli.connection import address_option, connected, run
from streamz_core.cli.foreign_options import of_no_effect
from streamz_core.cli.interruption import interruption, unless
from streamz_core.cli.many_values import ManyValuesCommand, many_values
from streamz_core.cli.names_there import group_names, topic_names
from streamz_core.cli.options import OptionError, options, properties
from streamz_core.cli.perf_figures import MB_BYTES, rate
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.consumer.listener import ConsumerRebalanceListener

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection

    from streamz_core.clock import Clock
    from streamz_core.model import TopicPartition
    from streamz_core.progress_bar import ProgressBar

_POLL_MS: Final = 100
_TITLES: Final = (
    "start.time",
    "end.time",
    "data.consumed.in.MB",
    "MB.sec",
    "data.consumed.in.nMsg",
    "nMsg.sec",
    "rebalance.time.ms",
    "fetch.time.ms",
    "fetch.MB.sec",
    "fetch.nMsg.sec",
)
_DETAILED_TITLES: Final = ("time", "threadId", *_TITLES[2:])
_FORMATS: Final = ("{:.4f}", "{:.4f}", "{}", "{:.4f}", "{:.0f}", "{:.0f}", "{:.4f}", "{:.4f}")
_JSON_NAMES: Final = (
    "mb",
    "mb_per_second",
    "records",
    "records_per_second",
    "rebalance_time_ms",
    "fetch_time_ms",
    "fetch_mb_per_second",
    "fetch_records_per_second",
)

_MILLISECONDS: Final = "\0"
_JAVA_DATES: Final = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "MMM": "%b",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "SSS": _MILLISECONDS,
    "EEE": "%a",
    "Z": "+0000",
    "z": "UTC",
}


def _date_format(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    """Java's format as strftime has it.

    >>> _date_format(None, None, "yyyy-MM-dd'T'HH:mm")
    '%Y-%m-%dT%H:%M'
    """
    if "%" in text:
        return text

    def layout(found: re.Match[str]) -> str:
        quoted, letters, _ = found.groups()
        if letters is None:
            return str(quoted) or "'"
        if letters not in _JAVA_DATES:
            raise OptionError(f"--date-format: {letters!r} is not known; known are {', '.join(_JAVA_DATES)}")
        return _JAVA_DATES[letters]

    return re.sub(r"'([^']*)'|(([a-zA-Z])\3*)", layout, text)


_what = options(
    of_no_effect("--socket-buffer-size"),
    click.option("--topic", shell_complete=topic_names, metavar="NAME", help="The topic to read."),
    click.option("--include", metavar="REGEX", help="Every topic whose whole name matches."),
    click.option(
        "--num-records",
        "--messages",
        "count",
        required=True,
        type=click.IntRange(1),
        help="Stop after so many records.",
    ),
    click.option(
        "--group", shell_complete=group_names, metavar="ID", help="The consumer group.  [default: a new one]"
    ),
    click.option(
        "--from-latest", is_flag=True, help="Without a committed offset: read what comes from now on."
    ),
    click.option(
        "--timeout",
        "timeout_ms",
        type=click.IntRange(0),
        default=10_000,
        show_default=True,
        help="Stop when nothing has come for so many ms.",
    ),
    click.option(
        "--fetch-size",
        type=click.IntRange(1),
        default=1024 * 1024,
        show_default=True,
        help="Bytes of a partition in one fetch.",
    ),
    click.option("--show-detailed-stats", is_flag=True, help="A line for each reporting interval."),
    click.option(
        "--reporting-interval", type=click.IntRange(1), default=5000, show_default=True, help="ms a line."
    ),
    click.option("--hide-header", is_flag=True, help="Print no titles."),
    click.option(
        "--date-format",
        default="yyyy-MM-dd HH:mm:ss:SSS",
        show_default=True,
        callback=_date_format,
        metavar="FORMAT",
        help="As Java's SimpleDateFormat has it, or with % as strftime.",
    ),
    click.option("--print-metrics", is_flag=True, help="Print the consumer's settings at the end."),
    click.option("--json", "as_json", is_flag=True, help="Print each line as JSON, without titles."),
    quiet_option,
)
_client = options(
    many_values(
        "--consumer-props",
        "--command-property",
        "--consumer-property",
        help="Settings of the consumer by Kafka's names, such as fetch.min.bytes=1; also bootstrap.servers.",
    ),
    click.option(
        "--consumer.config",
        "--command-config",
        "client_config",
        metavar="FILE",
        help="A properties file with such settings.",
    ),
)


@click.command("consumer-perf", cls=ManyValuesCommand)
@address_option
@_what
@_client
def command(address: str, consumer_props: tuple[str, ...], client_config: str | None, **given: Any) -> None:
    """Read records as fast as it goes, and print how many a second there were."""
    if (given["topic"] is None) == (given["include"] is None):
        raise click.UsageError("give exactly one of --topic and --include")
    option = "--consumer-props"
    said = properties(client_config, consumer_props, file_option="--consumer.config", option=option)
    address = said.pop("bootstrap.servers", address)
    settings: dict[str, Any] = {
        "auto_offset_reset": "latest" if given["from_latest"] else "earliest",
        "check_crcs": False,
        "group_id": given["group"] or f"perf-consumer-{uuid.uuid4().hex[:12]}",
        "max_partition_fetch_bytes": given["fetch_size"],
        **client_arguments(said, CONSUMER, option),
    }
    run(_measure(address, settings, given))


@dataclass(slots=True)
class _Counts:
    """What came, and since when; ``joining_ms`` of it the group took to give partitions out."""

    began_ms: float
    records: int = 0
    size: int = 0
    joining_ms: float = 0.0

    def cells(self, now_ms: float) -> list[str]:
        """The columns from MB on."""
        return [text.format(number) for text, number in zip(_FORMATS, self.figures(now_ms), strict=True)]

    def figures(self, now_ms: float) -> tuple[float, ...]:
        """What is in them."""
        took_ms, size = now_ms - self.began_ms, self.size / MB_BYTES
        fetching_ms = took_ms - self.joining_ms
        return (
            size,
            rate(size, took_ms),
            self.records,
            rate(self.records, took_ms),
            self.joining_ms,
            fetching_ms,
            rate(size, fetching_ms),
            rate(self.records, fetching_ms),
        )


class _Rebalances(ConsumerRebalanceListener):
    """How long the consumer had no partitions, from its subscription or a revocation on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._without_since_ms: float | None = clock.monotonic_ms()
        self.total_ms = 0.0

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """They are gone from now on."""
        if revoked:
            self._without_since_ms = self._clock.monotonic_ms()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """They are there again."""
        del assigned
        if self._without_since_ms is not None:
            self.total_ms += self._clock.monotonic_ms() - self._without_since_ms
            self._without_since_ms = None


async def _measure(address: str, settings: dict[str, Any], given: dict[str, Any]) -> None:
    with interruption() as interrupted, bar_unless(given["quiet"], given["as_json"]) as bar:
        async with connected(address) as link:
            consumer = AIOKafkaConsumer(bootstrap_servers=link, **settings)
            rebalances = _Rebalances(link.clock)
            if given["include"] is not None:
                consumer.subscribe(pattern=f"(?:{given['include']})\\Z", listener=rebalances)
            else:
                consumer.subscribe([given["topic"]], listener=rebalances)
            if not given["hide_header"] and not given["as_json"]:
                click.echo(", ".join(_DETAILED_TITLES if given["show_detailed_stats"] else _TITLES))
            bar.begin("reading", "records", given["count"])
            reading = _Reading(consumer, rebalances, link.clock, given, bar)
            async with consumer:
                await reading.run(interrupted)
    if given["print_metrics"]:
        for name, value in sorted(settings.items()):
            click.echo(f"consumer-setting:{name} : {value}")


class _Reading:
    """Reads until it has enough, nothing came for long enough, or a signal did."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        rebalances: _Rebalances,
        clock: Clock,
        given: dict[str, Any],
        bar: ProgressBar,
    ) -> None:
        self._bar = bar
        self._is_json: bool = given["as_json"]
        self._consumer = consumer
        self._rebalances = rebalances
        self._clock = clock
        self._limit: int = given["count"]
        self._patience_ms: int = given["timeout_ms"]
        self._interval_ms: int = given["reporting_interval"]
        self._is_detailed: bool = given["show_detailed_stats"]
        self._date_format: str = given["date_format"]
        self._told_joining_ms = 0.0
        self._began = self._now()
        self._whole = _Counts(clock.monotonic_ms())
        self._window = _Counts(self._whole.began_ms)

    async def run(self, interrupted: asyncio.Future[None]) -> None:
        """Read, print the lines."""
        heard_ms = self._clock.monotonic_ms()
        while not interrupted.done() and self._whole.records < self._limit:
            left = self._limit - self._whole.records
            polled = await unless(interrupted, self._consumer.getmany(timeout_ms=_POLL_MS, max_records=left))
            now_ms = self._clock.monotonic_ms()
            for records in (polled or {}).values():
                self._count(len(records), sum(_size(one) for one in records))
                heard_ms = now_ms
            self._whole.joining_ms = self._rebalances.total_ms
            if now_ms - heard_ms > self._patience_ms:
                self._bar.erase()
                click.echo(
                    f"WARNING: exiting before consuming the expected number of messages: timeout "
                    f"({self._patience_ms} ms) exceeded",
                    err=True,
                )
                break
            self._maybe_tell(now_ms)
        if not self._is_detailed:
            self._say(
                {"start_time": self._began, "end_time": self._now()}, self._whole, self._clock.monotonic_ms()
            )

    def _say(self, times: dict[str, str], counts: _Counts, now_ms: float) -> None:
        self._bar.erase()
        if self._is_json:
            figures = zip(_JSON_NAMES, counts.figures(now_ms), strict=True)
            click.echo(json.dumps({**times, **dict(figures)}))
        else:
            click.echo(", ".join([*times.values(), *counts.cells(now_ms)]))

    def _count(self, records: int, size: int) -> None:
        self._bar.add(records)
        for counts in (self._whole, self._window):
            counts.records += records
            counts.size += size

    def _maybe_tell(self, now_ms: float) -> None:
        is_over = self._whole.records >= self._limit
        if not self._is_detailed or not (is_over or now_ms - self._window.began_ms >= self._interval_ms):
            return
        self._window.joining_ms = min(
            self._rebalances.total_ms - self._told_joining_ms, now_ms - self._window.began_ms
        )
        self._told_joining_ms = self._rebalances.total_ms
        self._say({"time": self._now(), "thread_id": "0"}, self._window, now_ms)
        self._window = _Counts(now_ms)

    def _now(self) -> str:
        now_ms = self._clock.now_ms()
        layout = self._date_format.replace(_MILLISECONDS, f"{now_ms % 1000:03}")
        return datetime.fromtimestamp(now_ms / 1000, UTC).strftime(layout)


def _size(record: Any) -> int:
    return len(record.key or b"") + len(record.value or b"")
