"""``streamz console-producer``: kafka-console-producer's flags; one record per line of standard input.

Owns: the verb's options and how a line becomes a record.
Must not know: batching, partitioning.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from streamz_core.cli.connection import CommandError, address_option, pairs, run
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.model import Header

ACKS = {"all": -1, "-1": -1, "1": 1, "0": 0}
_READER_PROPERTIES = frozenset(
    {
        "parse.key",
        "key.separator",
        "parse.headers",
        "headers.delimiter",
        "headers.separator",
        "headers.key.separator",
        "null.marker",
        "ignore.error",
    }
)


class LineError(Misuse):
    """A line that does not have the parts the properties ask for."""


@dataclass(frozen=True, slots=True)
class LineReader:
    """How a line becomes headers, key and value, in that order: kafka's ``LineMessageReader``."""

    parse_key: bool = False
    key_separator: str = "\t"
    parse_headers: bool = False
    headers_delimiter: str = "\t"
    headers_separator: str = ","
    headers_key_separator: str = ":"
    null_marker: str | None = None
    ignore_error: bool = False

    @classmethod
    def of(cls, properties: dict[str, str]) -> LineReader:
        """Read the properties; unknown ones are refused."""
        unknown = sorted(set(properties) - _READER_PROPERTIES)
        if unknown:
            raise Misuse(f"unknown property {unknown[0]!r}; known: {', '.join(sorted(_READER_PROPERTIES))}")
        given: dict[str, Any] = {}
        for name, text in properties.items():
            field = name.replace(".", "_")
            given[field] = text.lower() == "true" if isinstance(getattr(cls(), field), bool) else text
        return cls(**given)

    def read(self, line: str, number: int) -> tuple[bytes | None, bytes | None, list[Header]]:
        """Split one line into key, value and headers."""
        headers: list[Header] = []
        rest = line
        if self.parse_headers:
            head, rest = self._cut(rest, self.headers_delimiter, "headers delimiter", number)
            if head and head != self.null_marker:
                headers = [self._header(part, number) for part in head.split(self.headers_separator)]
        key = None
        if self.parse_key:
            text, rest = self._cut(rest, self.key_separator, "key separator", number)
            key = self._bytes(text) if rest is not None else None
        return key, self._bytes(rest), headers

    def _cut(self, text: str, separator: str, what: str, number: int) -> tuple[str, str]:
        head, found, rest = text.partition(separator)
        if found:
            return head, rest
        if self.ignore_error:
            return self.null_marker or "", text
        raise LineError(
            f"line {number}: no {what} {separator!r} found; set --property ignore.error=true to send it whole"
        )

    def _header(self, text: str, number: int) -> Header:
        name, found, value = text.partition(self.headers_key_separator)
        if not found and not self.ignore_error:
            raise LineError(f"line {number}: header {text!r} has no {self.headers_key_separator!r}")
        return name, self._bytes(value) if found else None

    def _bytes(self, text: str) -> bytes | None:
        return None if text == self.null_marker else text.encode("utf-8", "surrogateescape")


@click.command("console-producer")
@address_option
@click.option("--topic", required=True, metavar="NAME", help="The topic to send to.")
@click.option(
    "--property",
    "--reader-property",
    "properties",
    multiple=True,
    metavar="KEY=VALUE",
    help=f"How lines are read: {', '.join(sorted(_READER_PROPERTIES))}.",
)
@click.option(
    "--compression-codec", default="none", type=click.Choice(["none", "gzip", "snappy", "lz4", "zstd"])
)
@click.option(
    "--request-required-acks",
    "acks",
    default="all",
    type=click.Choice(list(ACKS)),
    help="all: durable; 1: written; 0: no promise.",
)
@click.option("--batch-size", type=int, default=16384, help="Bytes per batch.")
@click.option(
    "--timeout", "linger_ms", type=int, default=20, help="How long a batch waits for more lines, ms."
)
@click.option("--sync", is_flag=True, help="Wait for each record's acknowledgement before the next.")
def command(**options: Any) -> None:
    """Send each line of standard input as one record."""
    run(_produce(LineReader.of(pairs(options["properties"], "--property")), **options))


async def _produce(
    reader: LineReader,
    *,
    address: str,
    topic: str,
    properties: tuple[str, ...],
    compression_codec: str,
    acks: str,
    batch_size: int,
    linger_ms: int,
    sync: bool,
) -> None:
    del properties
    producer = AIOKafkaProducer(
        bootstrap_servers=address,
        acks=ACKS[acks],
        compression_type=None if compression_codec == "none" else compression_codec,
        max_batch_size=batch_size,
        linger_ms=linger_ms,
    )
    last = None
    async with producer:
        for number, line in enumerate(_lines(), 1):
            key, value, headers = reader.read(line, number)
            last = await producer.send(topic, value, key, headers=headers)
            if sync:
                await last
        await producer.flush()
        if last is not None:
            await last


def _lines() -> Iterable[str]:
    """The lines of standard input without their ends; at a terminal, after a prompt."""
    prompt = sys.stdin.isatty()
    source = sys.stdin.buffer
    while True:
        if prompt:
            click.echo(">", nl=False)
        line = source.readline()
        if not line:
            return
        yield line.rstrip(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


__all__ = ["CommandError", "LineReader", "command"]
