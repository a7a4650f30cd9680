"""``streamz fork``: a new topic with what was in another one up to a point.

Owns: the verb's options, what is printed, and that an interruption leaves nothing.
Must not know: how a topic is forked (``client.topic_fork``).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from streamz_core.cli.connection import Interrupted, admin_options, connected, run
from streamz_core.cli.interruption import interruption
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options
from streamz_core.cli.quiet import bar_unless, quiet_option
from streamz_core.client.reset_target import TargetError, target_at
from streamz_core.client.topic_fork import TopicFork, fork_topic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.progress import Progress

_CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
_which = options(
    click.option(
        "--topic", shell_complete=topic_names, required=True, metavar="NAME", help="The topic to fork."
    ),
    click.option("--to", required=True, metavar="NAME", help="The new topic, which is not there yet."),
    click.option(
        "--at",
        "moment",
        metavar="TIME",
        help="Up to the first record at or after YYYY-MM-DDTHH:mm:SS.sss, UTC without a zone, or so long before "
        "now: PnDTnHnMnS. [default: all that is committed]",
    ),
    click.option(
        "--offsets",
        metavar="P:OFFSET,…",
        help="Up to this offset of each partition, and without it; of a partition that is not named, all.",
    ),
    click.option(
        "--compression-codec", type=click.Choice(_CODECS), help="Compress the batches that are written."
    ),
)


@click.command("fork")
@admin_options
@_which
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option
def command(
    *,
    address: str,
    topic: str,
    to: str,
    moment: str | None,
    offsets: str | None,
    compression_codec: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a new topic with the records that a topic had at a time, or up to given offsets.

    Partitions, settings, keys, values, headers and timestamps are the same; what transactions aborted or left
    open is not copied. Offsets are the same where a partition begins at 0 and has no gaps, else dealt anew.
    """
    if moment is not None and offsets is not None:
        raise click.UsageError("--at and --offsets exclude each other")
    at = _moment_ms(moment) if moment is not None else None if offsets is None else offsets_of(offsets)
    with bar_unless(quiet, as_json) as bar:
        fork = run(_fork(address, topic, to, at, compression_codec, bar))
    click.echo(json.dumps(asdict(fork)) if as_json else _text(fork))


def _moment_ms(text: str) -> int | None:
    try:
        return target_at(text, "--at").moment_ms(datetime.now(UTC))
    except TargetError as error:
        raise OptionError(str(error)) from error


def offsets_of(text: str) -> dict[int, int]:
    """Read ``--offsets``.

    >>> offsets_of("0:123,1:456")
    {0: 123, 1: 456}
    """
    found: dict[int, int] = {}
    for each in text.split(","):
        partition, _, offset = each.strip().partition(":")
        if not all(one.isascii() and one.isdigit() for one in (partition, offset)):
            raise OptionError(f"--offsets takes partition:offset,…, for instance 0:123,1:456, got {text!r}")
        if int(partition) in found:
            raise OptionError(f"--offsets {text}: partition {int(partition)} twice")
        found[int(partition)] = int(offset)
    return found


async def _fork(
    address: str,
    topic: str,
    to: str,
    at: int | Mapping[int, int] | None,
    compression_type: str | None,
    progress: Progress,
) -> TopicFork:
    with interruption() as interrupted:
        async with connected(address) as link:
            fork = asyncio.ensure_future(
                fork_topic(link, topic, to, at=at, compression_type=compression_type, progress=progress)
            )
            await asyncio.wait((fork, interrupted), return_when=asyncio.FIRST_COMPLETED)
            if not fork.done():
                fork.cancel()
            try:
                return await fork
            except asyncio.CancelledError:
                raise Interrupted(f"interrupted: nothing is left of the fork, topic {to!r}") from None


def _text(fork: TopicFork) -> str:
    records = sum(one.records for one in fork.partitions)
    anew = [str(one.partition) for one in fork.partitions if not one.keeps_offsets]
    said = f"Forked {fork.topic} to {fork.to}: {len(fork.partitions)} partitions, {records} records"
    return said + (f"; offsets were dealt anew in partition {', '.join(anew)}." if anew else ".")
