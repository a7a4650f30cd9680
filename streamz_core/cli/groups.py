"""``streamz groups``: kafka-consumer-groups' flags and output.

Owns: the verb's options, lag arithmetic and what is printed.
Must not know: how groups are coordinated.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from streamz_core.cli.connection import CommandError, address_option, connected, refuse, run
from streamz_core.cli.group_reset import reset_offsets, reset_options
from streamz_core.client.consumer.membership import ConsumerProtocolMemberAssignment
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.describe_groups import DescribedGroup, DescribeGroupsRequest
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.list_offsets import (
    LATEST_TIMESTAMP,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest

if TYPE_CHECKING:
    from streamz_core.client.link import Link
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.messages.describe_groups import DescribedGroupMember


@dataclass(frozen=True, slots=True)
class GroupOffset:
    """One line of ``--describe``: where a group stands in one partition."""

    group: str
    topic: str
    partition: int
    current_offset: int | None
    log_end_offset: int
    consumer_id: str | None
    client_id: str | None

    @property
    def lag(self) -> int | None:
        """How many offsets lie between the group and the end; None where nothing was committed."""
        return None if self.current_offset is None else max(self.log_end_offset - self.current_offset, 0)


@click.command("groups")
@address_option
@click.option("--list", "action", flag_value="list", help="List the groups.")
@click.option("--describe", "action", flag_value="describe", help="Offsets, end offsets and lag.")
@click.option("--delete", "action", flag_value="delete", help="Forget groups and their offsets.")
@click.option("--reset-offsets", "action", flag_value="reset", help="Move a group without members.")
@click.option("--group", "groups", multiple=True, metavar="ID", help="The group; may be repeated.")
@click.option("--all-groups", is_flag=True, help="Every group.")
@click.option("--members", is_flag=True, help="With --describe: the members instead of the offsets.")
@click.option("--state", is_flag=True, help="With --describe: the state instead of the offsets.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reset_options
def command(action: str | None, address: str, **options: Any) -> None:
    """List, describe, reset and delete consumer groups."""
    if action is None:
        raise click.UsageError("give one of --list, --describe, --delete, --reset-offsets")
    if action != "list" and not options["groups"] and not options["all_groups"]:
        raise click.UsageError(f"--{action} needs --group or --all-groups")
    run(_run(action, address, options))


async def _run(action: str, address: str, options: dict[str, Any]) -> None:
    verbs = {"list": _list, "describe": _describe, "delete": _delete, "reset": _reset}
    async with connected(address) as link:
        await verbs[action](link, options)


async def _names(link: Link) -> list[str]:
    response = await link.send(ListGroupsRequest())
    return sorted(group.group_id for group in response.groups)


async def _wanted(link: Link, options: dict[str, Any]) -> list[str]:
    return await _names(link) if options["all_groups"] else list(options["groups"])


async def _list(link: Link, options: dict[str, Any]) -> None:
    names = await _names(link)
    if options["as_json"]:
        click.echo(json.dumps(names))
        return
    for name in names:
        click.echo(name)


async def _describe(link: Link, options: dict[str, Any]) -> None:
    groups = (await link.send(DescribeGroupsRequest(groups=await _wanted(link, options)))).groups
    for group in groups:
        if group.error_code is ErrorCode.GROUP_ID_NOT_FOUND or group.group_state == "Dead":
            raise CommandError(f"group {group.group_id!r} does not exist (see: streamz groups --list)")
        refuse(group.error_code, None, f"group {group.group_id!r}")
    if options["state"]:
        _print_states(groups, as_json=options["as_json"])
    elif options["members"]:
        _print_members(groups, as_json=options["as_json"])
    else:
        offsets = [offset for group in groups for offset in await _offsets(link, group)]
        _print_offsets(offsets, groups, as_json=options["as_json"])


async def _offsets(link: Link, group: DescribedGroup) -> list[GroupOffset]:
    """Committed and end offsets of every partition the group committed or owns."""
    owners: dict[tuple[str, int], DescribedGroupMember] = {}
    for member in group.members:
        for tp in _assigned(member):
            owners[tp.topic, tp.partition] = member
    fetched = await link.send(OffsetFetchRequest(group_id=group.group_id))
    committed = {
        (topic.name, part.partition_index): part.committed_offset
        for topic in fetched.topics
        for part in topic.partitions
        if part.committed_offset >= 0
    }
    keys = sorted({*committed, *owners})
    ends = await _end_offsets(link, keys)
    return [
        GroupOffset(
            group=group.group_id,
            topic=key[0],
            partition=key[1],
            current_offset=committed.get(key),
            log_end_offset=ends[key],
            consumer_id=owners[key].member_id if key in owners else None,
            client_id=owners[key].client_id if key in owners else None,
        )
        for key in keys
        if key in ends
    ]


async def _end_offsets(link: Link, keys: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
    topics: dict[str, list[ListOffsetsPartition]] = {}
    for topic, partition in keys:
        topics.setdefault(topic, []).append(
            ListOffsetsPartition(partition_index=partition, timestamp=LATEST_TIMESTAMP)
        )
    asked = [ListOffsetsTopic(name=name, partitions=parts) for name, parts in topics.items()]
    response = await link.send(ListOffsetsRequest(topics=asked))
    return {
        (topic.name, part.partition_index): part.offset
        for topic in response.topics
        for part in topic.partitions
        if part.error_code is ErrorCode.NONE  # a topic deleted since has no end
    }


def _assigned(member: DescribedGroupMember) -> list[TopicPartition]:
    return ConsumerProtocolMemberAssignment.decode(member.member_assignment).partitions()


def _print_offsets(offsets: list[GroupOffset], groups: list[DescribedGroup], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{**asdict(offset), "lag": offset.lag} for offset in offsets], indent=2))
        return
    for group in groups:
        if not group.members:
            click.echo(f"Consumer group '{group.group_id}' has no active members.", err=True)
    _table(
        [
            "GROUP",
            "TOPIC",
            "PARTITION",
            "CURRENT-OFFSET",
            "LOG-END-OFFSET",
            "LAG",
            "CONSUMER-ID",
            "CLIENT-ID",
        ],
        [
            [
                o.group,
                o.topic,
                o.partition,
                o.current_offset,
                o.log_end_offset,
                o.lag,
                o.consumer_id,
                o.client_id,
            ]
            for o in offsets
        ],
    )


def _print_members(groups: list[DescribedGroup], *, as_json: bool) -> None:
    rows = [
        [group.group_id, member.member_id, member.client_id, len(_assigned(member))]
        for group in groups
        for member in group.members
    ]
    if as_json:
        keys = ("group", "consumer_id", "client_id", "partitions")
        click.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
        return
    _table(["GROUP", "CONSUMER-ID", "CLIENT-ID", "#PARTITIONS"], rows)


def _print_states(groups: list[DescribedGroup], *, as_json: bool) -> None:
    rows = [[group.group_id, group.protocol_data, group.group_state, len(group.members)] for group in groups]
    if as_json:
        keys = ("group", "assignment_strategy", "state", "members")
        click.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
        return
    _table(["GROUP", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"], rows)


def _table(titles: list[str], rows: list[list[Any]]) -> None:
    """Columns as wide as their widest cell, ``-`` for what is not known: kafka's look."""
    cells = [titles, *[["-" if cell in (None, "") else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for row in cells:
        click.echo(" ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


async def _delete(link: Link, options: dict[str, Any]) -> None:
    names = await _wanted(link, options)
    for result in (await link.send(DeleteGroupsRequest(groups_names=names))).results:
        if result.error_code is ErrorCode.NON_EMPTY_GROUP:
            raise CommandError(f"group {result.group_id!r} has members; stop them first")
        if result.error_code is ErrorCode.GROUP_ID_NOT_FOUND:
            raise CommandError(f"group {result.group_id!r} does not exist (see: streamz groups --list)")
        refuse(result.error_code, None, f"group {result.group_id!r}")
        click.echo(f"Deleted group {result.group_id}.")


async def _reset(link: Link, options: dict[str, Any]) -> None:
    rows = [
        [group, tp.topic, tp.partition, offset]
        for group in await _wanted(link, options)
        for tp, offset in await reset_offsets(link, group, options)
    ]
    _table(["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], rows)
    if not options["execute"]:
        click.echo("Nothing was changed: this is a dry run; add --execute to do it.", err=True)
