"""``streamz console-producer``: kafka-console-producer's flags; one record per line of standard input.

Owns: the verb's options, and that every line is sent or the first that is not is named.
Must not know: how a line is taken apart (``line_reader``), batching, partitioning.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.client_properties import PRODUCER, as_producers_have_it
from streamz_core.cli.client_settings import client_arguments
from streamz_core.cli.connection import CommandError, Interrupted, address_option, connected, run
from streamz_core.cli.foreign_options import of_no_effect, refused
from streamz_core.cli.interruption import interruption, unless
from streamz_core.cli.line_reader import OPTION, LineReader
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import options, properties, property_names
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.cli.standard_input import Input, LineTooLong
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import StreamzError
from streamz_core.log.files import bytes_left
from streamz_core.progress import BYTES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from streamz_core.model import RecordMetadata

_DEFAULTS: Final = {"linger_ms": 20}
_CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")


class _Reader(click.ParamType[str]):
    """The name of Kafka's class, with or without its package."""

    name = "class"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value.rpartition(".")[2].rpartition("$")[2] != "LineMessageReader":
            self.fail(f"there is one reader here, LineMessageReader, not {value!r}", param, ctx)
        return value


_reading = options(
    click.option(
        "--property",
        "--reader-property",
        "properties",
        multiple=True,
        metavar="KEY=VALUE",
        help=f"How lines are read: {', '.join(sorted(property_names(LineReader)))}.",
    ),
    click.option("--reader-config", metavar="FILE", help="A properties file with the same."),
    click.option(
        "--line-reader",
        type=_Reader(),
        expose_value=False,
        metavar="CLASS",
        help="Kafka's LineMessageReader, the only one.",
    ),
)
_client = options(
    click.option(
        "--compression-codec",
        is_flag=False,
        flag_value="gzip",
        type=click.Choice(_CODECS),
        help="gzip where the flag has no value.",
    ),
    click.option(
        "--request-required-acks",
        "acks",
        type=click.Choice(["all", "-1", "1", "0"]),
        help="all: durable (the default); 1: written; 0: no promise.",
    ),
    click.option(
        "--batch-size", "max_batch_size", type=click.IntRange(1), help="Bytes per batch.  [default: 16384]"
    ),
    click.option(
        "--max-partition-memory-bytes",
        "max_batch_size",
        type=click.IntRange(1),
        help="The same.",
        hidden=True,
    ),
    click.option("--max-memory-bytes", "buffer_memory", type=click.IntRange(1), help="Bytes buffered."),
    click.option(
        "--timeout",
        "linger_ms",
        type=click.IntRange(0),
        help="How long a batch waits for more lines, ms.  [default: 20]",
    ),
    click.option(
        "--request-timeout-ms", "request_timeout_ms", type=click.IntRange(1), help="How long a send may take."
    ),
    click.option(
        "--metadata-expiry-ms",
        "metadata_max_age_ms",
        type=click.IntRange(0),
        help="Until topics are looked up anew.",
    ),
    refused("--max-block-ms", because="a send waits as long as --request-timeout-ms lets it; give that"),
    refused(
        "--message-send-max-retries", because="attempts are not counted: --request-timeout-ms bounds them all"
    ),
    of_no_effect("--socket-buffer-size"),
    click.option("--retry-backoff-ms", "retry_backoff_ms", type=click.IntRange(0), help="Between attempts."),
    click.option("--sync", is_flag=True, help="Wait for each record's acknowledgement before the next."),
    click.option(
        "--producer-property",
        "--command-property",
        "client_properties",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the producer by Kafka's name, such as linger.ms.",
    ),
    click.option(
        "--producer.config",
        "--command-config",
        "client_config",
        metavar="FILE",
        help="A properties file with such settings.",
    ),
)


@click.command("console-producer")
@address_option
@click.option(
    "--topic",
    shell_complete=topic_names,
    required=True,
    metavar="NAME",
    help="The topic to send to; made if it is missing.",
)
@_reading
@_client
@quiet_option
def command(
    *,
    address: str,
    topic: str,
    properties: tuple[str, ...],
    reader_config: str | None,
    sync: bool,
    quiet: bool,
    client_properties: tuple[str, ...],
    client_config: str | None,
    **flags: Any,
) -> None:
    """Send each line of standard input as one record."""
    reader = LineReader.of(_properties(reader_config, properties, "--reader-config", OPTION))
    option = "--producer-property"
    given = _properties(client_config, client_properties, "--producer.config", option)
    said = {name: value for name, value in flags.items() if value is not None}
    if "compression_codec" in said:
        said["compression_type"] = said.pop("compression_codec")
    settings = _DEFAULTS | client_arguments(given, PRODUCER, option) | said
    run(_produce(reader, topic, as_producers_have_it(settings), address=address, sync=sync, quiet=quiet))


def _properties(path: str | None, texts: tuple[str, ...], file_option: str, option: str) -> dict[str, str]:
    return properties(path, texts, file_option=file_option, option=option)


async def _produce(
    reader: LineReader, topic: str, settings: dict[str, Any], *, address: str, sync: bool, quiet: bool
) -> None:
    number = 0
    with interruption() as interrupted, bar_unless(quiet, sys.stdin.isatty()) as bar:
        async with (
            connected(address, create=True) as link,
            AIOKafkaProducer(bootstrap_servers=link, **settings) as producer,
        ):
            sent = _Sent()
            bar.begin("sending", BYTES, bytes_left(sys.stdin))
            async for lines in _prompted(interrupted):
                for line in lines:
                    number += 1
                    key, value, headers = reader.read(line.decode("utf-8", "surrogateescape"), number)
                    await sent.add(number, producer.send(topic, value, key, headers=headers))
                    if sync:
                        await sent.all()
                sent.check()
                bar.add(sum(map(len, lines)) + len(lines))
            await producer.flush()
            await sent.all()
        if interrupted.done():
            raise Interrupted(f"interrupted; what was read until then, {number} lines, is sent")


async def _prompted(interrupted: asyncio.Future[None]) -> AsyncIterator[list[bytes]]:
    """The lines until the input ends or a signal comes; at a terminal, after a prompt each time."""
    is_terminal = sys.stdin.isatty()
    batches = Input(sys.stdin.buffer).lines()
    try:
        while True:
            if is_terminal:
                click.echo(">", nl=False)
            lines = await unless(interrupted, anext(batches, None))
            if lines is None:
                return
            yield lines
    except LineTooLong as error:
        raise CommandError(f"{error}; what came before it is sent") from error


class _Sent:
    """What was sent and is not known to have arrived, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, asyncio.Future[RecordMetadata]]] = deque()

    async def add(self, number: int, sending: Any) -> None:
        """Send, naming the line if that is refused."""
        try:
            self._waiting.append((number, await sending))
        except StreamzError as error:
            raise _of_line(number, error) from error

    def check(self) -> None:
        """Raise for the first line that was refused; forget those that arrived."""
        while self._waiting and self._waiting[0][1].done():
            number, future = self._waiting.popleft()
            error = future.exception()
            if error is not None:
                raise _of_line(number, error) from error

    async def all(self) -> None:
        """Return when every line arrived, or raise for the first that did not."""
        while self._waiting:
            number, future = self._waiting.popleft()
            try:
                await future
            except StreamzError as error:
                raise _of_line(number, error) from error


def _of_line(number: int, error: BaseException) -> CommandError:
    return CommandError(f"line {number} was not sent: {error}")
