"""``streamz get-offsets``: kafka-get-offsets' flags and output.

Owns: the verb's options, the times that ``--time`` knows, and one line per partition.
Must not know: which partitions are meant (``partition_choice``), how offsets are asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from streamz_core.cli.connection import CommandError, admin_options, connected, run
from streamz_core.cli.group_offsets import offsets_at
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError
from streamz_core.cli.partition_choice import PartitionChoice
from streamz_core.protocol.messages import list_offsets
from streamz_core.protocol.messages.metadata import MetadataRequest

if TYPE_CHECKING:
    from streamz_core.cli.group_offsets import Offsets

_TIMES: Final = {
    "latest": list_offsets.LATEST_TIMESTAMP,
    "earliest": list_offsets.EARLIEST_TIMESTAMP,
    "max-timestamp": list_offsets.MAX_TIMESTAMP,
    "earliest-local": list_offsets.EARLIEST_LOCAL_TIMESTAMP,
    "latest-tiered": list_offsets.LATEST_TIERED_TIMESTAMP,
}


@click.command("get-offsets")
@admin_options
@click.option(
    "--topic",
    shell_complete=topic_names,
    metavar="NAME",
    help="The topics: names with commas or a regular expression.",
)
@click.option("--partitions", metavar="N,N", help="Of each topic only these partitions.")
@click.option(
    "--topic-partitions",
    metavar="T:P,T:P-Q,…",
    help="Topics (names or regular expressions) and their partitions: t, t:0, t:1-3 (without 3), t:-3, t:2-.",
)
@click.option(
    "--time",
    "moment",
    default="latest",
    show_default=True,
    metavar="TIME",
    help=f"{', '.join(_TIMES)} (or -1 to -5), or ms since 1970: the first record at or after it.",
)
@click.option("--exclude-internal-topics", is_flag=True, help="Leave internal topics out.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    address: str,
    topic: str | None,
    partitions: str | None,
    topic_partitions: str | None,
    moment: str,
    exclude_internal_topics: bool,
    as_json: bool,
) -> None:
    """Print the offset of each partition at a time, as topic:partition:offset."""
    if topic_partitions and (topic or partitions):
        raise click.UsageError("--topic-partitions goes without --topic and --partitions")
    choice = (
        PartitionChoice.of_list(topic_partitions)
        if topic_partitions
        else PartitionChoice.of_topics(topic, partitions)
    )
    at = _timestamp(moment)
    found = run(_offsets(address, choice, at, with_internal=not exclude_internal_topics))
    lines = _as_json(found) if as_json else _as_lines(found)
    click.echo(lines, nl=bool(lines))


def _timestamp(text: str) -> int:
    if text.lower() in _TIMES:
        return _TIMES[text.lower()]
    try:
        moment = int(text)
    except ValueError:
        moment = min(_TIMES.values()) - 1
    if moment < min(_TIMES.values()):
        raise OptionError(f"--time takes {', '.join(_TIMES)}, -1 to -5, or ms since 1970, got {text!r}")
    return moment


async def _offsets(address: str, choice: PartitionChoice, at: int, *, with_internal: bool) -> Offsets:
    async with connected(address) as link:
        topics = (await link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))).topics
        chosen = choice.among(topic for topic in topics if with_internal or not topic.is_internal)
        if not chosen and choice.names_something:
            raise CommandError("no topic-partition matches what was asked for (see: streamz topics --list)")
        found = await offsets_at(link, chosen, at)
        missing = [f"{topic}-{partition}" for topic, partition in chosen if (topic, partition) not in found]
        if missing:
            raise CommandError(f"no offset is known of {', '.join(missing)} (see: streamz check)")
        return dict(sorted(found.items()))


def _as_lines(found: Offsets) -> str:
    """Where no record is that late there is no line, as of Kafka's tool."""
    return "\n".join(f"{t}:{p}:{offset}" for (t, p), offset in found.items() if offset >= 0)


def _as_json(found: Offsets) -> str:
    return json.dumps(
        [
            {"topic": topic, "partition": partition, "offset": None if offset < 0 else offset}
            for (topic, partition), offset in found.items()
        ]
    )
