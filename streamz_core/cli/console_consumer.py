"""``streamz console-consumer``: kafka-console-consumer's flags.

Owns: the verb's options, where reading starts and ends, and what is committed: what was printed.
Must not know: how a record is printed (``record_formatter``), fetching, groups.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.client_properties import CONSUMER
from streamz_core.cli.client_settings import client_arguments
from streamz_core.cli.connection import CommandError, address_option, connected, run
from streamz_core.cli.foreign_options import refused
from streamz_core.cli.interruption import interruption, unless
from streamz_core.cli.message_formatter import DEFAULT, formatter, names
from streamz_core.cli.names_there import group_names, topic_names
from streamz_core.cli.options import OptionError, options, properties
from streamz_core.cli.record_formatter import OPTION, Formatter, Undecodable, as_json, property_names
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from streamz_core.client.link import Link
    from streamz_core.clock import Clock
    from streamz_core.model import ConsumerRecord
    from streamz_core.protocol.messages.metadata import MetadataTopic

    Render = Callable[[ConsumerRecord[bytes, bytes]], bytes]

_POLL_MS: Final = 500

_what = options(
    click.option("--topic", shell_complete=topic_names, metavar="NAME", help="The topic to read."),
    click.option(
        "--include",
        "--whitelist",
        metavar="REGEX",
        help="Read every topic whose whole name matches, also those made later.",
    ),
    click.option("--partition", type=click.IntRange(0), help="Read this partition only."),
    click.option("--offset", metavar="OFFSET", help="With --partition: an offset, 'earliest' or 'latest'."),
    click.option(
        "--from-beginning",
        is_flag=True,
        help="Start at the earliest record; with --group, where it committed nothing.",
    ),
    click.option("--max-messages", type=int, help="Stop after so many records; -1: never."),
    click.option("--timeout-ms", type=int, help="Stop when nothing has come for so long; -1: never."),
    click.option(
        "--group",
        shell_complete=group_names,
        metavar="ID",
        help="Read as a member of this consumer group, and commit.",
    ),
    click.option(
        "--isolation-level",
        type=click.Choice(["read_uncommitted", "read_committed"]),
        help="read_committed: without aborted and open transactions.  [default: read_uncommitted]",
    ),
)
_how = options(
    click.option(
        "--property",
        "--formatter-property",
        "properties",
        multiple=True,
        metavar="KEY=VALUE",
        help=f"How records are printed: {', '.join(property_names())}.",
    ),
    click.option(
        "--formatter",
        metavar="CLASS",
        default=DEFAULT,
        show_default=True,
        help=f"Another of Kafka's classes, with or without its package: {', '.join(names()[1:])}.",
    ),
    refused("--enable-systest-events", because="there are no such events", is_flag=True),
    click.option("--formatter-config", metavar="FILE", help="A properties file with the same."),
    click.option(
        "--key-deserializer", metavar="NAME", help="How keys are read: String, Long, or Kafka's class."
    ),
    click.option("--value-deserializer", metavar="NAME", help="How values are read."),
    click.option("--skip-message-on-error", is_flag=True, help="Leave out records that cannot be read."),
    click.option("--json", "json_lines", is_flag=True, help="Print each record whole, as a line of JSON."),
    click.option(
        "--consumer-property",
        "--command-property",
        "client_properties",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the consumer by Kafka's name, such as fetch.max.wait.ms.",
    ),
    click.option(
        "--consumer.config",
        "--command-config",
        "client_config",
        metavar="FILE",
        help="A properties file with such settings.",
    ),
)


@click.command("console-consumer")
@address_option
@_what
@_how
def command(**given: Any) -> None:
    """Print records as they come, until --max-messages, --timeout-ms or Ctrl-C, and then say how many."""
    settings = _settings(given)
    _check(given, settings)
    count = run(_consume(given, settings, _render(given)))
    click.echo(f"Processed a total of {count} messages", err=True)


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The consumer's arguments: flags over properties."""
    option = "--consumer-property"
    said = properties(
        given["client_config"], given["client_properties"], file_option="--consumer.config", option=option
    )
    settings = client_arguments(said, CONSUMER, option)
    if given["group"] is not None:
        settings["group_id"] = given["group"]
    if given["isolation_level"] is not None:
        settings["isolation_level"] = given["isolation_level"]
    if given["from_beginning"]:
        settings["auto_offset_reset"] = "earliest"
    settings.setdefault("enable_auto_commit", "group_id" in settings)
    # Who names an internal topic means it; a pattern is spared them.
    settings.setdefault("exclude_internal_topics", given["include"] is not None)
    return settings


def _check(given: dict[str, Any], settings: dict[str, Any]) -> None:
    if (given["topic"] is None) == (given["include"] is None):
        raise click.UsageError("give exactly one of --topic and --include")
    if given["partition"] is not None and "group_id" in settings:
        raise click.UsageError("--partition and --group exclude each other")
    if given["partition"] is not None and given["topic"] is None:
        raise click.UsageError("--partition needs --topic")
    if given["offset"] is not None and given["partition"] is None:
        raise click.UsageError("--offset needs --partition")
    if given["offset"] is not None and given["from_beginning"]:
        raise click.UsageError("--offset and --from-beginning exclude each other")
    if given["offset"] is not None:
        _start(given)
    if given["include"] is not None:
        try:
            re.compile(given["include"])
        except re.error as error:
            raise OptionError(f"--include {given['include']!r} is no regular expression: {error}") from error


def _start(given: dict[str, Any]) -> int | str:
    """Where reading of one partition starts: an offset, ``earliest`` or ``latest``."""
    text = (given["offset"] or ("earliest" if given["from_beginning"] else "latest")).lower()
    if text in ("earliest", "latest"):
        return str(text)
    if not text.isascii() or not text.isdigit():
        raise OptionError(f"--offset takes 0 or more, 'earliest' or 'latest', got {given['offset']!r}")
    return int(text)


def _render(given: dict[str, Any]) -> Render:
    said = properties(
        given["formatter_config"], given["properties"], file_option="--formatter-config", option=OPTION
    )
    for part in ("key", "value"):
        if given[f"{part}_deserializer"] is not None:
            said[f"{part}.deserializer"] = given[f"{part}_deserializer"]
    default = formatter(given["formatter"], Formatter.of(said).format)
    return as_json if given["json_lines"] else default


async def _consume(given: dict[str, Any], settings: dict[str, Any], render: Render) -> int:
    with interruption() as interrupted:
        async with connected(given["address"]) as link:
            partition = await _find(link, given)
            consumer = AIOKafkaConsumer(bootstrap_servers=link, **settings)
            if partition is not None:
                consumer.assign([partition])
            elif given["include"] is not None:
                consumer.subscribe(pattern=f"(?:{given['include']})\\Z")
            else:
                consumer.subscribe([given["topic"]])
            async with consumer:
                if partition is not None:
                    await _seek(consumer, partition, _start(given))
                return await _Printer(given, render, link.clock).run(consumer, interrupted)


async def _find(link: Link, given: dict[str, Any]) -> TopicPartition | None:
    """The partition asked for, if one was; refuses a topic or partition that is not there."""
    if given["include"] is not None:
        return None
    name, index = given["topic"], given["partition"]
    asked = MetadataRequest(topics=named([name]), allow_auto_topic_creation=False)
    topic: MetadataTopic
    (topic,) = (await link.send(asked)).topics
    if topic.error_code is not ErrorCode.NONE:
        raise CommandError(f"topic {name!r} does not exist (see: streamz topics --list)")
    if index is None:
        return None
    if index >= len(topic.partitions):
        raise CommandError(
            f"topic {name!r} has no partition {index}; it has 0 to {len(topic.partitions) - 1}"
        )
    return TopicPartition(name, index)


async def _seek(consumer: AIOKafkaConsumer, partition: TopicPartition, start: int | str) -> None:
    if start == "earliest":
        await consumer.seek_to_beginning(partition)
    elif start == "latest":
        await consumer.seek_to_end(partition)
    else:
        assert isinstance(start, int)
        consumer.seek(partition, start)


class _Printer:
    """Prints until enough came, nothing did for long enough, or a signal did."""

    def __init__(self, given: dict[str, Any], render: Render, clock: Clock) -> None:
        self._render = render
        self._skips_errors = given["skip_message_on_error"]
        self._limit = _or_never(given["max_messages"])
        self._patience_ms = _or_never(given["timeout_ms"])
        self._clock = clock
        self._count = 0

    async def run(self, consumer: AIOKafkaConsumer, interrupted: asyncio.Future[None]) -> int:
        """Return how many records were printed or skipped."""
        out = sys.stdout.buffer
        heard_ms = self._clock.monotonic_ms()
        while not interrupted.done() and (self._limit is None or self._count < self._limit):
            polled = await unless(
                interrupted,
                consumer.getmany(timeout_ms=self._wait_ms(heard_ms), max_records=self._left()),
            )
            for records in (polled or {}).values():
                out.write(b"".join(map(self._text, records)))
                self._count += len(records)
            if polled:
                out.flush()  # before they count as read: what cannot be written is not committed
                heard_ms = self._clock.monotonic_ms()
            elif self._patience_ms is not None and self._silent_ms(heard_ms) >= self._patience_ms:
                break
        return self._count

    def _text(self, record: ConsumerRecord[bytes, bytes]) -> bytes:
        try:
            return self._render(record)
        except Undecodable:
            if not self._skips_errors:
                raise
            return b""

    def _left(self) -> int | None:
        return None if self._limit is None else self._limit - self._count

    def _wait_ms(self, heard_ms: float) -> int:
        if self._patience_ms is None:
            return _POLL_MS
        return max(0, min(_POLL_MS, int(self._patience_ms - self._silent_ms(heard_ms)) + 1))

    def _silent_ms(self, heard_ms: float) -> float:
        return self._clock.monotonic_ms() - heard_ms


def _or_never(limit: int | None) -> int | None:
    """Kafka writes -1 for no limit."""
    return None if limit is None or limit < 0 else limit
