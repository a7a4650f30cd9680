"""``streamz list-groups``: kafka-groups' flags and table.

Owns: which groups are meant.
Must not know: what is in a group.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from streamz_core.cli.connection import admin_options, connected, run
from streamz_core.cli.table import table
from streamz_core.protocol.messages.list_groups import ListGroupsRequest

if TYPE_CHECKING:
    from streamz_core.protocol.messages.list_groups import ListedGroup

_TYPES: Final = ("classic", "consumer", "share", "streams")
_CONSUMER: Final = "consumer"
_OF_CONSUMERS: Final = (_CONSUMER, "")
"""What classic groups of consumers call their protocol; without members, a group has none."""


@click.command("list-groups")
@admin_options
@click.option("--list", "lists", is_flag=True, help="List the groups, which is all that this verb does.")
@click.option(
    "--group-type",
    type=click.Choice(_TYPES, case_sensitive=False),
    help="Only groups of this type; there are none of share and streams.",
)
@click.option("--protocol", metavar="TYPE", help="Only groups whose members say they speak this.")
@click.option("--consumer", is_flag=True, help="Only groups of consumers, of whatever type.")
@click.option("--share", "kind", flag_value="share", help="Only share groups; there are none.")
@click.option("--streams", "kind", flag_value="streams", help="Only streams groups; there are none.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    address: str,
    lists: bool,
    group_type: str | None,
    protocol: str | None,
    consumer: bool,
    kind: str | None,
    as_json: bool,
) -> None:
    """List the groups of all types."""
    del lists
    if (group_type is not None or protocol is not None) + consumer + (kind is not None) > 1:
        raise click.UsageError(
            "--consumer, --share, --streams, and --group-type with --protocol exclude each other"
        )
    wanted = group_type or kind
    found = [
        group
        for group in run(_groups(address))
        if (wanted is None or group.group_type.lower() == wanted)
        and (protocol is None or group.protocol_type == protocol)
        and (not consumer or _is_of_consumers(group))
    ]
    if as_json:
        names = ("group", "type", "protocol")
        rows = [(one.group_id, one.group_type, one.protocol_type) for one in found]
        click.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))
        return
    cells = [(one.group_id, one.group_type.capitalize(), one.protocol_type) for one in found]
    click.echo(table(["GROUP", "TYPE", "PROTOCOL"], cells))


def _is_of_consumers(group: ListedGroup) -> bool:
    return group.group_type.lower() == _CONSUMER or group.protocol_type in _OF_CONSUMERS


async def _groups(address: str) -> list[ListedGroup]:
    async with connected(address) as link:
        return sorted((await link.send(ListGroupsRequest())).groups, key=lambda group: group.group_id)
