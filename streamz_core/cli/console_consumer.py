"""``streamz console-consumer``: kafka-console-consumer's flags and output.

Owns: the verb's options, where reading starts and ends, and how a record is printed.
Must not know: fetching, groups.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from streamz_core.cli.connection import CommandError, address_option, pairs, require_directory, run
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.model import ConsumerRecord

_POLL_MS = 500
_FORMATTER_PROPERTIES = frozenset(
    {
        "print.key",
        "print.value",
        "print.timestamp",
        "print.offset",
        "print.partition",
        "print.headers",
        "key.separator",
        "line.separator",
        "headers.separator",
        "null.literal",
    }
)


@dataclass(frozen=True, slots=True)
class Formatter:
    """How a record is printed: kafka's ``DefaultMessageFormatter``."""

    print_timestamp: bool = False
    print_partition: bool = False
    print_offset: bool = False
    print_headers: bool = False
    print_key: bool = False
    print_value: bool = True
    key_separator: str = "\t"
    line_separator: str = "\n"
    headers_separator: str = ","
    null_literal: str = "null"

    @classmethod
    def of(cls, properties: dict[str, str]) -> Formatter:
        """Read the properties; unknown ones are refused."""
        unknown = sorted(set(properties) - _FORMATTER_PROPERTIES)
        if unknown:
            raise Misuse(
                f"unknown property {unknown[0]!r}; known: {', '.join(sorted(_FORMATTER_PROPERTIES))}"
            )
        given: dict[str, Any] = {}
        for name, text in properties.items():
            field = name.replace(".", "_")
            given[field] = text.lower() == "true" if isinstance(getattr(cls(), field), bool) else text
        return cls(**given)

    def format(self, record: ConsumerRecord[bytes, bytes]) -> bytes:
        """One record as the bytes to print, line end included."""
        parts: list[bytes] = []
        if self.print_timestamp:
            kind = "LogAppendTime" if record.timestamp_type else "CreateTime"
            parts.append(f"{kind}:{record.timestamp}".encode())
        if self.print_partition:
            parts.append(f"Partition:{record.partition}".encode())
        if self.print_offset:
            parts.append(f"Offset:{record.offset}".encode())
        if self.print_headers:
            parts.append(self._headers(record.headers))
        if self.print_key:
            parts.append(self._text(record.key))
        if self.print_value:
            parts.append(self._text(record.value))
        return self.key_separator.encode().join(parts) + self.line_separator.encode()

    def _headers(self, headers: Sequence[tuple[str, bytes | None]]) -> bytes:
        if not headers:
            return b"NO_HEADERS"
        return self.headers_separator.encode().join(
            name.encode() + b":" + self._text(value) for name, value in headers
        )

    def _text(self, data: bytes | None) -> bytes:
        return self.null_literal.encode() if data is None else data


def as_json(record: ConsumerRecord[bytes, bytes]) -> bytes:
    """One record as a line of JSON; bytes that are not UTF-8 as ``{"base64": …}``."""
    fields = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": _json_text(record.key),
        "value": _json_text(record.value),
        "headers": [[name, _json_text(value)] for name, value in record.headers],
    }
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _json_text(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


@click.command("console-consumer")
@address_option
@click.option("--topic", metavar="NAME", help="The topic to read.")
@click.option("--include", metavar="REGEX", help="Read every topic whose name matches.")
@click.option("--partition", type=int, help="Read this partition only.")
@click.option("--offset", default=None, help="With --partition: an offset, 'earliest' or 'latest'.")
@click.option(
    "--from-beginning", is_flag=True, help="Start at the earliest record where nothing was committed."
)
@click.option("--max-messages", type=int, help="Stop after so many records.")
@click.option("--timeout-ms", type=int, help="Stop when nothing has come for so long.")
@click.option("--group", metavar="ID", help="Read as a member of this consumer group, and commit.")
@click.option(
    "--isolation-level", default="read_uncommitted", type=click.Choice(["read_uncommitted", "read_committed"])
)
@click.option(
    "--property",
    "--formatter-property",
    "properties",
    multiple=True,
    metavar="KEY=VALUE",
    help=f"How records are printed: {', '.join(sorted(_FORMATTER_PROPERTIES))}.",
)
@click.option("--json", "json_lines", is_flag=True, help="Print each record whole, as a line of JSON.")
def command(**options: Any) -> None:
    """Print records as they come."""
    if (options["topic"] is None) == (options["include"] is None):
        raise click.UsageError("give exactly one of --topic and --include")
    if options["partition"] is not None and options["group"] is not None:
        raise click.UsageError("--partition and --group exclude each other")
    if options["partition"] is not None and options["topic"] is None:
        raise click.UsageError("--partition needs --topic")
    if options["offset"] is not None and options["partition"] is None:
        raise click.UsageError("--offset needs --partition")
    formatter = Formatter.of(pairs(options["properties"], "--property"))
    render = as_json if options["json_lines"] else formatter.format
    require_directory(options["address"])
    try:
        count = run(_consume(options, render))
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away: nobody is left to tell
        return
    click.echo(f"Processed a total of {count} messages", err=True)


async def _consume(options: dict[str, Any], render: Any) -> int:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=options["address"],
        group_id=options["group"],
        auto_offset_reset="earliest" if options["from_beginning"] else "latest",
        isolation_level=options["isolation_level"],
        enable_auto_commit=options["group"] is not None,
    )
    async with consumer:
        await _position(consumer, options)
        return await _print(consumer, options, render)


async def _position(consumer: AIOKafkaConsumer, options: dict[str, Any]) -> None:
    """Subscribe as a group, or assign every partition asked for."""
    if options["group"] is not None:
        if options["include"] is not None:
            consumer.subscribe(pattern=options["include"])
        else:
            consumer.subscribe([options["topic"]])
        return
    partitions = await _partitions(consumer, options)
    consumer.assign(partitions)
    start = options["offset"] or ("earliest" if options["from_beginning"] else "latest")
    if start == "earliest":
        await consumer.seek_to_beginning(*partitions)
    elif start == "latest":
        await consumer.seek_to_end(*partitions)
    else:
        consumer.seek(partitions[0], _offset(start))


def _offset(text: str) -> int:
    if not text.isdigit():
        raise CommandError(f"--offset takes a number, 'earliest' or 'latest', got {text!r}")
    return int(text)


async def _partitions(consumer: AIOKafkaConsumer, options: dict[str, Any]) -> list[TopicPartition]:
    import re

    names = sorted(await consumer.topics())
    wanted = (
        [n for n in names if re.fullmatch(options["include"], n)]
        if options["include"]
        else [options["topic"]]
    )
    found = [
        TopicPartition(name, index)
        for name in wanted
        for index in sorted(consumer.partitions_for_topic(name) or ())
        if options["partition"] in (None, index)
    ]
    if not found:
        subject = options["topic"] or options["include"]
        where = "" if options["partition"] is None else f" has no partition {options['partition']} or"
        raise CommandError(f"topic {subject!r}{where} does not exist (see: streamz topics --list)")
    return found


async def _print(consumer: AIOKafkaConsumer, options: dict[str, Any], render: Any) -> int:
    """Print until enough came, or nothing did for long enough."""
    limit = options["max_messages"]
    timeout_ms = options["timeout_ms"]
    count, idle_ms = 0, 0
    write = sys.stdout.buffer.write
    while limit is None or count < limit:
        wait_ms = _POLL_MS if timeout_ms is None else min(_POLL_MS, timeout_ms - idle_ms)
        polled = await consumer.getmany(
            timeout_ms=wait_ms, max_records=None if limit is None else limit - count
        )
        got = 0
        for records in polled.values():
            for record in records:
                write(render(record))
                got += 1
        sys.stdout.buffer.flush()
        count += got
        idle_ms = 0 if got else idle_ms + wait_ms
        if timeout_ms is not None and idle_ms >= timeout_ms:
            break
    return count
