"""``streamz groups``: kafka-consumer-groups' flags.

Owns: the verb's options, listing and deleting.
Must not know: how groups are coordinated, what a description shows (``group_describe``), where a reset
leads (``group_reset``), which offsets are forgotten (``group_delete_offsets``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.broker.patterns.pattern import Pattern
from streamz_core.broker.patterns.syntax import InvalidPattern
from streamz_core.cli.actions import actions
from streamz_core.cli.connection import CommandError, admin_options, connected, refuse_all, run
from streamz_core.cli.foreign_options import of_no_effect
from streamz_core.cli.group_delete_offsets import check_delete_offsets, delete_offsets
from streamz_core.cli.group_describe import describe
from streamz_core.cli.group_reset import check_reset, reset, reset_options
from streamz_core.cli.names_there import group_names
from streamz_core.cli.options import OptionError, options
from streamz_core.cli.table import table
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.list_groups import ListedGroup, ListGroupsRequest

if TYPE_CHECKING:
    from streamz_core.client.link import Link

_STATES: Final = (
    "PreparingRebalance",
    "CompletingRebalance",
    "Assigning",
    "Reconciling",
    "Stable",
    "Empty",
    "Dead",
)
_TYPES: Final = ("classic", "consumer")


def _validate(context: click.Context, _parameter: click.Parameter, text: str | None) -> None:
    if text is None:
        return
    try:
        Pattern(text)
    except InvalidPattern as error:
        raise CommandError(f"The regular expression `{text}` is invalid: {error}") from error
    click.echo(f"The regular expression `{text}` is valid.")
    context.exit()


_actions = actions(
    list="List the groups.",
    describe="Offsets, end offsets and lag.",
    delete="Forget groups and their offsets.",
    delete_offsets="Forget offsets of topics that no member reads.",
    reset_offsets="Move a group without members.",
)
_which = options(
    click.option(
        "--group",
        "groups",
        shell_complete=group_names,
        multiple=True,
        metavar="ID",
        help="The group; may be repeated.",
    ),
    click.option("--all-groups", is_flag=True, help="Every group."),
    click.option("--offsets", is_flag=True, help="With --describe: the offsets (the default)."),
    click.option("--members", is_flag=True, help="With --describe: the members instead of the offsets."),
    click.option(
        "--state",
        is_flag=False,
        flag_value="",
        metavar="[STATES]",
        help="With --describe: the state instead of the offsets. With --list: states too, or only groups in "
        "these states.",
    ),
    click.option(
        "--type",
        "types",
        is_flag=False,
        flag_value="",
        metavar="[TYPES]",
        help="With --list: types too, or only groups of these types.",
    ),
    click.option(
        "--verbose",
        is_flag=True,
        help="With --describe: epochs too, and what each member reads and shall read.",
    ),
    click.option(
        "--validate-regex",
        metavar="REGEX",
        is_eager=True,
        expose_value=False,
        callback=_validate,
        help="Say whether members could subscribe to this pattern (RE2), and do nothing else.",
    ),
    of_no_effect("--timeout"),
)


@click.command("groups")
@admin_options
@_actions
@_which
@reset_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(action: str, address: str, **given: Any) -> None:
    """List, describe, reset and delete consumer groups."""
    if action != "list" and not given["groups"] and not given["all_groups"]:
        raise click.UsageError(f"--{action} needs --group or --all-groups")
    if given["groups"] and given["all_groups"]:
        raise click.UsageError("--group and --all-groups exclude each other")
    if given["members"] + given["offsets"] + (given["state"] is not None) > 1:
        raise click.UsageError("--offsets, --members and --state exclude each other")
    if action == "reset-offsets":
        check_reset(given)
    if action == "delete-offsets":
        check_delete_offsets(given)
    run(_run(action, address, given))


async def _run(action: str, address: str, given: dict[str, Any]) -> None:
    async with connected(address) as link:
        if action == "list":
            await _list(link, given)
            return
        names = list(dict.fromkeys(given["groups"])) or [group.group_id for group in await _groups(link)]
        if action == "describe":
            await describe(link, names, given)
        elif action == "delete":
            await _delete(link, names, as_json=given["as_json"])
        elif action == "delete-offsets":
            await delete_offsets(link, names, given)
        else:
            await reset(link, names, given)


async def _groups(link: Link, states: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> list[ListedGroup]:
    response = await link.send(ListGroupsRequest(states_filter=states, types_filter=types))
    return sorted(response.groups, key=lambda group: group.group_id)


async def _list(link: Link, given: dict[str, Any]) -> None:
    states = _known("--state", given["state"] or "", _STATES)
    types = _known("--type", given["types"] or "", _TYPES)
    groups = await _groups(link, states, types)
    columns = {"GROUP": [group.group_id for group in groups]}
    if given["types"] is not None:
        columns["TYPE"] = [_type(group, as_json=given["as_json"]) for group in groups]
    if given["state"] is not None:
        columns["STATE"] = [group.group_state for group in groups]
    rows = list(zip(*columns.values(), strict=True))
    if given["as_json"]:
        names = [title.lower() for title in columns]
        said = [dict(zip(names, row, strict=True)) for row in rows] if len(columns) > 1 else columns["GROUP"]
        click.echo(json.dumps(said, indent=2 if len(columns) > 1 else None))
    elif len(columns) > 1:
        click.echo(table(list(columns), rows))
    else:
        for name in columns["GROUP"]:
            click.echo(name)


def _type(group: ListedGroup, *, as_json: bool) -> str:
    """Kafka's tools write a type large, its protocol writes it small."""
    return group.group_type if as_json else group.group_type.capitalize()


def _known(option: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The states or types named, in Kafka's spelling."""
    by_folded = {name.casefold(): name for name in known}
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for part in wanted:
        if part.casefold() not in by_folded:
            raise OptionError(f"{option} {part}: unknown; known are {', '.join(known)}")
    return tuple(by_folded[part.casefold()] for part in wanted)


_REASONS: Final = {
    ErrorCode.NON_EMPTY_GROUP: "it has members; stop them first",
    ErrorCode.GROUP_ID_NOT_FOUND: "it does not exist (see: streamz groups --list)",
}


async def _delete(link: Link, names: list[str], *, as_json: bool) -> None:
    results = (await link.send(DeleteGroupsRequest(groups_names=names))).results
    deleted = [result.group_id for result in results if result.error_code is ErrorCode.NONE]
    if as_json:
        click.echo(json.dumps(deleted))
    elif deleted:
        quoted = ", ".join(f"'{name}'" for name in deleted)
        click.echo(f"Deletion of requested consumer groups ({quoted}) was successful.")
    refuse_all(
        [
            f"group {result.group_id!r} was not deleted: "
            f"{_REASONS.get(result.error_code, result.error_code.name)}"
            for result in results
            if result.error_code is not ErrorCode.NONE
        ]
    )
