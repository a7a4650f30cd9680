"""``streamz groups --reset-offsets``: where a group shall go on reading.

Owns: the reset options, which partitions they mean, and committing the new offsets.
Must not know: the arithmetic of new offsets (``reset_target``).
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.app.reset_options import target_options
from streamz_core.cli.connection import CommandError, refuse_all
from streamz_core.cli.group_offsets import Offsets, committed_offsets, offsets_at, topic_and_indexes
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options
from streamz_core.cli.table import table
from streamz_core.client.reset_target import Bounds, ResetTarget, TargetError, offsets_of_file, target_of
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)

if TYPE_CHECKING:
    from streamz_core.client.link import Link

_FREE_STATE: Final = "Empty"

reset_options = options(
    click.option(
        "--topic",
        "topics",
        shell_complete=topic_names,
        multiple=True,
        metavar="NAME[:P,P]",
        help="Reset, delete offsets: a topic, or some of its partitions; may be repeated.",
    ),
    click.option(
        "--all-topics", is_flag=True, help="Reset, delete offsets: every topic the group committed."
    ),
    *target_options("Reset: "),
    click.option("--dry-run", is_flag=True, help="Reset: show the result only (the default)."),
    click.option("--execute", is_flag=True, help="Reset: do it."),
    click.option("--export", is_flag=True, help="Reset: print the result as CSV."),
)


def check_reset(given: dict[str, Any]) -> None:
    """Refuse a combination of options that says no one thing."""
    try:
        target = target_of(given)
    except TargetError as error:
        raise OptionError(str(error)) from error
    if given["execute"] and given["dry_run"]:
        raise click.UsageError("--execute and --dry-run exclude each other")
    if given["topics"] and given["all_topics"]:
        raise click.UsageError("--topic and --all-topics exclude each other")
    if not (given["topics"] or given["all_topics"] or target.kind == "from_file"):
        raise click.UsageError("--reset-offsets needs --topic or --all-topics")
    for text in given["topics"]:
        topic_and_indexes(text)


async def reset(link: Link, groups: list[str], given: dict[str, Any]) -> None:
    """Compute the new offsets of every group, print them and, with ``--execute``, commit them."""
    target = target_of(given)
    plans = {}
    for group in groups:
        await _require_free(link, group)
        plans[group] = await _plan(link, group, target, given)
    if given["execute"]:
        for group, offsets in plans.items():
            await _commit(link, group, offsets)
    rows = [[group, *tp, offset] for group, offsets in plans.items() for tp, offset in offsets.items()]
    if given["export"]:
        click.echo(_csv(rows, with_group=len(groups) > 1), nl=False)
    elif given["as_json"]:
        names = ("group", "topic", "partition", "new_offset")
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    else:
        click.echo("\n" + table(["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], rows))
    if not given["execute"]:
        click.echo("Nothing was changed: this is a dry run; add --execute to do it.", err=True)


async def _require_free(link: Link, group: str) -> None:
    """A group with members keeps its positions itself: they would overwrite a reset."""
    found = {one.group_id: one for one in (await link.send(ListGroupsRequest())).groups}.get(group)
    if found is not None and found.group_state != _FREE_STATE:
        raise CommandError(
            f"group {group!r} has members (state {found.group_state}); stop them before resetting its offsets"
        )


async def _plan(link: Link, group: str, target: ResetTarget, given: dict[str, Any]) -> Offsets:
    committed = await committed_offsets(link, group)
    asked = _from_file(given["from_file"], group) if target.kind == "from_file" else {}
    if asked:
        partitions = sorted(asked)
    elif given["all_topics"]:
        partitions = sorted(committed)
    else:
        partitions = await _partitions(link, given["topics"])
    starts = await offsets_at(link, partitions, EARLIEST_TIMESTAMP)
    ends = await offsets_at(link, partitions, LATEST_TIMESTAMP)
    at_time: Offsets = {}
    moment_ms = target.moment_ms(datetime.now(UTC))
    if moment_ms is not None:
        at_time = await offsets_at(link, partitions, moment_ms)
    result = {}
    for tp in partitions:
        if tp not in starts or tp not in ends:
            _warn(f"{tp.topic}-{tp.partition} is not there or cannot be read: left as it is")
            continue
        bounds = Bounds(committed.get(tp), starts[tp], ends[tp], at_time.get(tp, -1))
        wanted = asked[tp] if asked else target.offset(tp, bounds)
        result[tp] = bounds.nearest(wanted)
        if result[tp] != wanted:
            _warn(
                f"{tp.topic}-{tp.partition}: offset {wanted} is outside [{starts[tp]}, {ends[tp]}]; "
                f"{result[tp]} is taken"
            )
    return result


def _warn(message: str) -> None:
    click.echo(f"Warning: {message}", err=True)


async def _partitions(link: Link, topics: tuple[str, ...]) -> list[TopicPartition]:
    found: set[TopicPartition] = set()
    for text in topics:
        name, wanted = topic_and_indexes(text)
        request = MetadataRequest(topics=named([name]), allow_auto_topic_creation=False)
        (topic,) = (await link.send(request)).topics
        if topic.error_code is not ErrorCode.NONE:
            raise CommandError(f"topic {name!r} does not exist (see: streamz topics --list)")
        known = {part.partition_index for part in topic.partitions}
        if wanted - known:
            raise CommandError(f"topic {name!r} has no partition {min(wanted - known)}")
        found |= {TopicPartition(name, index) for index in wanted or known}
    return sorted(found)


def _from_file(lines: list[str], group: str) -> Offsets:
    try:
        return offsets_of_file(lines, group)
    except TargetError as error:
        raise OptionError(str(error)) from error


def _csv(rows: list[list[Any]], *, with_group: bool) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(row if with_group else row[1:] for row in rows)
    return out.getvalue()


async def _commit(link: Link, group: str, offsets: Offsets) -> None:
    topics: dict[str, list[OffsetCommitPartition]] = {}
    for tp, offset in offsets.items():
        topics.setdefault(tp.topic, []).append(
            OffsetCommitPartition(partition_index=tp.partition, committed_offset=offset)
        )
    asked = [OffsetCommitTopic(name=name, partitions=parts) for name, parts in topics.items()]
    if not asked:
        return
    response = await link.send(OffsetCommitRequest(group_id=group, topics=asked))
    refuse_all(
        [
            f"group {group!r}, {topic.name}-{part.partition_index}: {part.error_code.name}"
            for topic in response.topics
            for part in topic.partitions
            if part.error_code is not ErrorCode.NONE
        ]
    )
