"""``streamz acls``: kafka-acls' flags and lines.

Owns: the options, and what is printed.
Must not know: which entries a command line means (``acl_choice``), how entries are applied.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from streamz_core.cli.acl_choice import choice
from streamz_core.cli.actions import actions
from streamz_core.cli.connection import CommandError, admin_options, connected, run
from streamz_core.cli.foreign_options import refused
from streamz_core.cli.names_there import group_names, topic_names
from streamz_core.cli.options import options
from streamz_core.client.admin import AIOKafkaAdminClient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.cli.acl_choice import AclChoice
    from streamz_core.client.acls import AclBinding, AclBindingFilter

_PATTERNS: Final = ("literal", "prefixed", "any", "match")


def _many(name: str, metavar: str, text: str, names: Any = None) -> Any:
    return click.option(name, multiple=True, metavar=metavar, help=text, shell_complete=names)


_actions = actions(add="Add entries.", remove="Remove entries.", list="List entries.")
_resources = options(
    _many("--topic", "NAME", "Entries about a topic; * is every topic; repeat.", topic_names),
    _many("--group", "NAME", "About a consumer group; repeat.", group_names),
    _many("--transactional-id", "ID", "About a transactional id; repeat."),
    click.option("--cluster", is_flag=True, help="About the cluster itself."),
    click.option(
        "--resource-pattern-type",
        "pattern",
        type=click.Choice(_PATTERNS, case_sensitive=False),
        default="literal",
        show_default=True,
        help="How names stand for names; any and match (all that applies to the name) with --list and --remove.",
    ),
)
_principals = options(
    _many("--allow-principal", "PRINCIPAL", "Who may, such as User:alice; User:* is everybody; repeat."),
    _many("--deny-principal", "PRINCIPAL", "Who may not, whatever else is allowed; repeat."),
    _many("--principal", "PRINCIPAL", "With --list and --remove: entries of this principal; repeat."),
    _many("--allow-host", "ADDRESS", "From where those who may; repeat. [*]"),
    _many("--deny-host", "ADDRESS", "From where those who may not; repeat. [*]"),
    _many("--operation", "NAME", "Read, Write, Create, Delete, Alter, Describe ...; repeat. [All]"),
)
_comforts = options(
    click.option("--producer", is_flag=True, help="What producing to --topic needs."),
    click.option("--consumer", is_flag=True, help="What consuming --topic in --group needs."),
    click.option("--idempotent", is_flag=True, help="With --producer: numbering records, too."),
    click.option("--force", is_flag=True, help="Ask nothing."),
    click.option("--json", "as_json", is_flag=True, help="With --list: print JSON."),
    refused("--delegation-token", "--user-principal", because="there are no delegation tokens here"),
    refused("--bootstrap-controller", because="there is no controller to talk to; take --bootstrap-server"),
)


@click.command("acls")
@admin_options
@_actions
@_resources
@_principals
@_comforts
def command(action: str, address: str, **given: Any) -> None:
    """Add, remove and list the entries that say who may do what at the port.

    Nobody is asked for them who opens the data directory itself. What no entry permits is denied as soon as
    there is one, or as soon as clients have to log in.
    """
    chosen = choice(action, given)
    run(_act(action, address, chosen, given))


async def _act(action: str, address: str, chosen: AclChoice, given: dict[str, Any]) -> None:
    async with connected(address) as link, AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        if action == "add":
            await admin.create_acls(chosen.bindings)
            _print("Adding ACLs for resource", chosen.bindings)
        elif action == "remove":
            await _remove(admin, chosen, asks=not given["force"])
        found = await _found(admin, chosen.listed)
    if given["as_json"] and action == "list":
        click.echo(json.dumps([_as_json(one) for one in found], indent=2))
        return
    _print("Current ACLs for resource", found)


async def _remove(admin: AIOKafkaAdminClient, chosen: AclChoice, *, asks: bool) -> None:
    going = await _found(admin, chosen.filters)
    if not going:
        raise CommandError("there are no such ACLs")
    if asks:
        _print("To be removed: ACLs for resource", going)
        if not click.confirm("Are you sure you want to remove them?"):
            raise CommandError("nothing was removed")
    await admin.delete_acls(chosen.filters)


async def _found(admin: AIOKafkaAdminClient, filters: Iterable[AclBindingFilter]) -> list[AclBinding]:
    found: dict[AclBinding, None] = {}
    for one in filters:
        found |= dict.fromkeys(await admin.describe_acls(one))
    return sorted(found, key=msgspec.structs.astuple)


def _print(title: str, bindings: Iterable[AclBinding]) -> None:
    for pattern, of_pattern in groupby(sorted(bindings, key=msgspec.structs.astuple), key=_pattern):
        click.echo(f"{title} `{pattern}`: ")
        for one in of_pattern:
            click.echo(
                f"\t(principal={one.principal}, host={one.host}, operation={one.operation.name}, "
                f"permissionType={one.permission_type.name})"
            )
        click.echo()


def _pattern(binding: AclBinding) -> str:
    """As Kafka's tool writes it."""
    return (
        f"ResourcePattern(resourceType={binding.resource_type.name}, name={binding.resource_name}, "
        f"patternType={binding.resource_pattern_type.name})"
    )


def _as_json(binding: AclBinding) -> dict[str, str]:
    return {
        "resource_type": binding.resource_type.name,
        "resource_name": binding.resource_name,
        "pattern_type": binding.resource_pattern_type.name,
        "principal": binding.principal,
        "host": binding.host,
        "operation": binding.operation.name,
        "permission_type": binding.permission_type.name,
    }
