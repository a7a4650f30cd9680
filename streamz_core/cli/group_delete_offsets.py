"""``streamz groups --delete-offsets``: forget where a group stands in some topics.

Owns: which partitions are meant, and Kafka's table of what became of each.
Must not know: when a group lets offsets go.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.connection import CommandError, refuse_all
from streamz_core.cli.group_offsets import by_topic, committed_offsets, topic_and_indexes
from streamz_core.cli.table import table
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.offset_delete import (
    OffsetDeletePartition,
    OffsetDeleteRequest,
    OffsetDeleteTopic,
)

if TYPE_CHECKING:
    from streamz_core.client.link import Link

_REASONS: Final = {
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC: "members of the group read it; stop them first",
    ErrorCode.NON_EMPTY_GROUP: "it has members that are no consumers; stop them first",
    ErrorCode.GROUP_ID_NOT_FOUND: "it does not exist (see: streamz groups --list)",
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: "there is no such partition, and no offset in it",
    ErrorCode.UNSTABLE_OFFSET_COMMIT: "an open transaction is about to commit it; try again when it has ended",
}


def check_delete_offsets(given: dict[str, Any]) -> None:
    """Refuse options that do not say which topics."""
    if bool(given["topics"]) == given["all_topics"]:
        raise click.UsageError("--delete-offsets needs either --topic or --all-topics")
    for text in given["topics"]:
        topic_and_indexes(text)


async def delete_offsets(link: Link, groups: list[str], given: dict[str, Any]) -> None:
    """Forget the offsets, print what became of each; refuses in the end what could not be done."""
    rows: list[tuple[str, TopicPartition, ErrorCode]] = []
    failures: list[str] = []
    for group in groups:
        committed = sorted(await committed_offsets(link, group))
        asked = committed if given["all_topics"] else _named(group, committed, given["topics"])
        found, error = await _deleted(link, group, asked)
        rows += [(group, partition, code) for partition, code in found.items()]
        if error is not ErrorCode.NONE:
            failures.append(f"group {group!r}: {_reason(error)}")
    _show(rows, as_json=given["as_json"])
    refuse_all(
        failures
        + [
            f"group {group!r} keeps its offset in {partition.topic}-{partition.partition}: {_reason(code)}"
            for group, partition, code in rows
            if code is not ErrorCode.NONE
        ]
    )


def _named(group: str, committed: list[TopicPartition], topics: tuple[str, ...]) -> list[TopicPartition]:
    """The partitions that ``NAME`` (all that are committed) and ``NAME:0,1`` mean."""
    named: set[TopicPartition] = set()
    for text in topics:
        topic, indexes = topic_and_indexes(text)
        meant = {TopicPartition(topic, index) for index in indexes}
        meant = meant or {partition for partition in committed if partition.topic == topic}
        if not meant:
            raise CommandError(f"group {group!r} has no offsets in topic {topic!r}")
        named |= meant
    return sorted(named)


async def _deleted(
    link: Link, group: str, partitions: list[TopicPartition]
) -> tuple[dict[TopicPartition, ErrorCode], ErrorCode]:
    topics = [
        OffsetDeleteTopic(name=topic, partitions=[OffsetDeletePartition(partition_index=i) for i in indexes])
        for topic, indexes in by_topic(partitions).items()
    ]
    response = await link.send(OffsetDeleteRequest(group_id=group, topics=topics))
    outcome = {
        TopicPartition(topic.name, part.partition_index): part.error_code
        for topic in response.topics
        for part in topic.partitions
    }
    return outcome, response.error_code


def _reason(code: ErrorCode) -> str:
    return _REASONS.get(code, code.name)


def _show(rows: list[tuple[str, TopicPartition, ErrorCode]], *, as_json: bool) -> None:
    said = [
        [group, *partition, "Successful" if code is ErrorCode.NONE else f"Error: {code.name}"]
        for group, partition, code in rows
    ]
    if as_json:
        names = ("group", "topic", "partition", "status")
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in said], indent=2))
    elif len({group for group, _, _ in rows}) == 1:  # Kafka's tool takes one group
        click.echo("\n" + table(["TOPIC", "PARTITION", "STATUS"], [row[1:] for row in said]))
    elif said:
        click.echo("\n" + table(["GROUP", "TOPIC", "PARTITION", "STATUS"], said))
