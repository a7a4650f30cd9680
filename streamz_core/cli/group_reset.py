"""``streamz groups --reset-offsets``: where a group shall go on reading.

Owns: the reset options, the arithmetic of new offsets, and committing them.
Must not know: printing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamz_core.cli.connection import CommandError
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.list_offsets import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.client.link import Link

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")
_TARGETS = (
    "to_earliest",
    "to_latest",
    "to_current",
    "to_offset",
    "shift_by",
    "to_datetime",
    "by_duration",
)
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE)


def reset_options(function: FunctionT) -> FunctionT:
    """Add the options of ``--reset-offsets``."""
    for option in (
        click.option("--execute", is_flag=True, help="Reset: do it. Without it, a dry run."),
        click.option("--dry-run", is_flag=True, help="Reset: show the result only (the default)."),
        click.option("--by-duration", metavar="PnDTnHnMnS", help="Reset: to so long before now."),
        click.option("--to-datetime", metavar="ISO", help="Reset: to the first record at or after a time."),
        click.option("--shift-by", type=int, help="Reset: by so many offsets, back if negative."),
        click.option("--to-offset", type=int, help="Reset: to this offset."),
        click.option("--to-current", is_flag=True, help="Reset: to the committed offset."),
        click.option("--to-latest", is_flag=True, help="Reset: to the end."),
        click.option("--to-earliest", is_flag=True, help="Reset: to the earliest record."),
        click.option("--all-topics", is_flag=True, help="Reset: every topic the group committed."),
        click.option(
            "--topic",
            "topics",
            multiple=True,
            metavar="NAME[:P,P]",
            help="Reset: a topic, or some partitions.",
        ),
    ):
        function = option(function)
    return function


async def reset_offsets(link: Link, group: str, options: dict[str, Any]) -> list[tuple[TopicPartition, int]]:
    """Compute the new offsets and, with ``execute``, commit them."""
    target = _target(options)
    committed = await _committed(link, group)
    partitions = (
        sorted(committed) if options["all_topics"] else await _asked_partitions(link, options["topics"])
    )
    if not partitions:
        raise CommandError("--reset-offsets needs --topic or --all-topics")
    earliest = await _offsets_at(link, partitions, EARLIEST_TIMESTAMP)
    latest = await _offsets_at(link, partitions, LATEST_TIMESTAMP)
    at_time = (
        await _offsets_at(link, partitions, _time_ms(target, options))
        if target in {"to_datetime", "by_duration"}
        else {}
    )
    new = []
    for tp in partitions:
        wanted = _new_offset(
            target, options, committed.get(tp), earliest[tp], latest[tp], at_time.get(tp, -1)
        )
        new.append((tp, min(max(wanted, earliest[tp]), latest[tp])))
    if options["execute"]:
        await _commit(link, group, new)
    return new


def _target(options: dict[str, Any]) -> str:
    chosen = [name for name in _TARGETS if options[name] not in (None, False)]
    if len(chosen) != 1:
        names = ", ".join("--" + name.replace("_", "-") for name in _TARGETS)
        raise click.UsageError(f"--reset-offsets needs exactly one of {names}")
    return chosen[0]


def _new_offset(
    target: str, options: dict[str, Any], current: int | None, earliest: int, latest: int, at_time: int
) -> int:
    if target == "to_earliest":
        return earliest
    if target == "to_latest":
        return latest
    if target == "to_offset":
        return int(options["to_offset"])
    if target in {"to_datetime", "by_duration"}:
        return at_time if at_time >= 0 else latest
    if current is None:  # to_current and shift_by count from what was committed
        return latest
    return current + (options["shift_by"] or 0)


def _time_ms(target: str, options: dict[str, Any]) -> int:
    if target == "to_datetime":
        try:
            moment = datetime.fromisoformat(options["to_datetime"])
        except ValueError as error:
            raise CommandError(
                f"--to-datetime takes an ISO date and time, got {options['to_datetime']!r}"
            ) from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    found = _DURATION.fullmatch(options["by_duration"])
    if found is None or not any(found.groups()):
        raise CommandError(
            f"--by-duration takes PnDTnHnMnS, for instance PT1H30M, got {options['by_duration']!r}"
        )
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    back = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return int((datetime.now(UTC) - back).timestamp() * 1000)


async def _committed(link: Link, group: str) -> dict[TopicPartition, int]:
    response = await link.send(OffsetFetchRequest(group_id=group))
    return {
        TopicPartition(topic.name, part.partition_index): part.committed_offset
        for topic in response.topics
        for part in topic.partitions
        if part.committed_offset >= 0
    }


async def _asked_partitions(link: Link, topics: tuple[str, ...]) -> list[TopicPartition]:
    """Read ``name`` or ``name:0,1`` options."""
    result = []
    for text in topics:
        name, _, indexes = text.partition(":")
        (topic,) = (await link.send(MetadataRequest(topics=[name], allow_auto_topic_creation=False))).topics
        if topic.error_code is not ErrorCode.NONE:
            raise CommandError(f"topic {name!r} does not exist (see: streamz topics --list)")
        known = {part.partition_index for part in topic.partitions}
        wanted = {int(part) for part in indexes.split(",")} if indexes else known
        if wanted - known:
            raise CommandError(f"topic {name!r} has no partition {min(wanted - known)}")
        result += [TopicPartition(name, index) for index in sorted(wanted)]
    return result


async def _offsets_at(
    link: Link, partitions: list[TopicPartition], timestamp: int
) -> dict[TopicPartition, int]:
    topics: dict[str, list[ListOffsetsPartition]] = {}
    for tp in partitions:
        topics.setdefault(tp.topic, []).append(
            ListOffsetsPartition(partition_index=tp.partition, timestamp=timestamp)
        )
    asked = [ListOffsetsTopic(name=name, partitions=parts) for name, parts in topics.items()]
    response = await link.send(ListOffsetsRequest(topics=asked))
    return {
        TopicPartition(topic.name, part.partition_index): part.offset
        for topic in response.topics
        for part in topic.partitions
    }


async def _commit(link: Link, group: str, offsets: list[tuple[TopicPartition, int]]) -> None:
    topics: dict[str, list[OffsetCommitPartition]] = {}
    for tp, offset in offsets:
        topics.setdefault(tp.topic, []).append(
            OffsetCommitPartition(partition_index=tp.partition, committed_offset=offset)
        )
    asked = [OffsetCommitTopic(name=name, partitions=parts) for name, parts in topics.items()]
    response = await link.send(OffsetCommitRequest(group_id=group, topics=asked))
    for topic in response.topics:
        for part in topic.partitions:
            if part.error_code is ErrorCode.UNKNOWN_MEMBER_ID:
                raise CommandError(f"group {group!r} has members; stop them before resetting its offsets")
            if part.error_code is not ErrorCode.NONE:
                raise CommandError(f"{topic.name}-{part.partition_index}: {part.error_code.name}")
