"""``streamz users``: who may log in at the port, by which mechanism.

Owns: the subcommands, and asking for a password where nobody can look over the shoulder of the process list.
Must not know: how passwords are kept.

kafka-configs' way (``streamz configs --entity-type users``) does the same, with the password on the command line.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.connection import (
    CommandError,
    address_option,
    admin_options,
    chosen_address,
    connected,
    run,
)
from streamz_core.cli.options import read_bytes
from streamz_core.cli.table import table
from streamz_core.client.acls import ScramMechanism
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.protocol.scram import ITERATIONS_DEFAULT
from streamz_core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

MECHANISMS: Final = {one.sasl_name: one for one in ScramMechanism if one is not ScramMechanism.UNKNOWN}
_mechanism = click.option(
    "--mechanism",
    "mechanisms",
    multiple=True,
    type=click.Choice(sorted(MECHANISMS)),
    help="Repeat. [all there are]",
)


@click.group("users")
@admin_options
@click.pass_context
def command(context: click.Context, address: str) -> None:
    """Users that log in with a password: streamz users COMMAND --help."""
    context.obj = address


@command.command("add")
@address_option
@click.argument("name")
@click.option(
    "--password-file", metavar="FILE", help="Its first line is the password; - is standard input. [asked for]"
)
@click.option("--iterations", default=ITERATIONS_DEFAULT, show_default=True, help="How costly a guess is.")
@_mechanism
@click.pass_context
def add(
    context: click.Context,
    /,
    address: str,
    name: str,
    password_file: str | None,
    iterations: int,
    mechanisms: tuple[str, ...],
) -> None:
    """Let a user log in, or change the password of one who may."""
    password = _password(password_file)

    async def upsert(admin: AIOKafkaAdminClient) -> None:
        for one in _chosen(mechanisms):
            await admin.upsert_user_scram_credential(name, password, one, iterations=iterations)

    run(_administer(chosen_address(context, address), upsert))
    click.echo(f"User {name} can log in.")


@command.command("remove")
@address_option
@click.argument("name")
@_mechanism
@click.pass_context
def remove(context: click.Context, /, address: str, name: str, mechanisms: tuple[str, ...]) -> None:
    """Let a user no longer log in. Connections there are go on; take the user's ACLs away to stop those."""

    async def delete(admin: AIOKafkaAdminClient) -> None:
        kept = {one.mechanism for one in (await admin.describe_user_scram_credentials([name]))[name]}
        for one in (found for found in _chosen(mechanisms) if mechanisms or found in kept):
            await admin.delete_user_scram_credential(name, one)

    run(_administer(chosen_address(context, address), delete))
    click.echo(f"User {name} can no longer log in{' by ' + ', '.join(mechanisms) if mechanisms else ''}.")


@command.command("list")
@address_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_users(context: click.Context, /, address: str, as_json: bool) -> None:
    """List the users, and by which mechanisms each logs in."""
    found: dict[str, Any] = {}

    async def describe(admin: AIOKafkaAdminClient) -> None:
        found.update(await admin.describe_user_scram_credentials())

    run(_administer(chosen_address(context, address), describe))
    rows = [
        {"user": user, "mechanism": one.mechanism.sasl_name, "iterations": one.iterations}
        for user, infos in found.items()
        for one in infos
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(table(["USER", "MECHANISM", "ITERATIONS"], [list(row.values()) for row in rows]))


async def _administer(address: str, work: Callable[[AIOKafkaAdminClient], Coroutine[Any, Any, None]]) -> None:
    async with connected(address) as link, AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        await work(admin)


def _chosen(names: tuple[str, ...]) -> list[ScramMechanism]:
    return [MECHANISMS[name] for name in names or sorted(MECHANISMS)]


def _password(path: str | None) -> Secret:
    if path is None:
        if not sys.stdin.isatty():
            raise CommandError("there is nobody to ask for the password: give --password-file FILE, or -")
        return Secret.of(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    content = sys.stdin.buffer.readline() if path == "-" else read_bytes(path, "--password-file")
    password = Secret(content.partition(b"\n")[0].rstrip(b"\r"))
    if not len(password):
        raise CommandError("the password is empty")
    return password
