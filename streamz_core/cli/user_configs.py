"""``streamz configs --entity-type users``: kafka-configs' way to users' SCRAM credentials.

Owns: the syntax ``SCRAM-SHA-256=[iterations=8192,password=secret]`` and the tool's lines.
Must not know: how credentials are kept.

A password stands on the command line here, for the process list to see: ``streamz users add`` asks for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from streamz_core.cli.config_list import names
from streamz_core.cli.connection import CommandError, connected
from streamz_core.cli.options import OptionError
from streamz_core.client.acls import ScramMechanism
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.errors import ResourceNotFoundError
from streamz_core.protocol.scram import ITERATIONS_DEFAULT
from streamz_core.secret import Secret

if TYPE_CHECKING:
    from streamz_core.client.acls import ScramCredentialInfo
    from streamz_core.client.link import Link

_MECHANISMS: Final = {one.sasl_name: one for one in ScramMechanism if one is not ScramMechanism.UNKNOWN}
_ADDED: Final = re.compile(
    r"\s*(?P<mechanism>[A-Z0-9-]+)=\[(?:iterations=(?P<iterations>[0-9]{1,7}),)?password=(?P<password>[^\]]+)\]\s*(?:,|$)"
)


class _New(NamedTuple):
    mechanism: ScramMechanism
    iterations: int
    password: Secret


async def described(link: Link, name: str | None) -> dict[str, list[ScramCredentialInfo]]:
    """How a user, or each of them, logs in."""
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        try:
            return await admin.describe_user_scram_credentials(None if name is None else [name])
        except ResourceNotFoundError:
            return {}


def line(user: str, infos: list[ScramCredentialInfo]) -> str:
    """As kafka-configs prints it."""
    said = ", ".join(f"{one.mechanism.sasl_name}=iterations={one.iterations}" for one in infos)
    return f"SCRAM credential configs for user-principal '{user}' are {said}"


def are_meant(added: str, deleted: str) -> bool:
    """Whether a change is one of credentials: of a user's settings all that are no quotas."""
    return added.lstrip().startswith("SCRAM-") or any(one.startswith("SCRAM-") for one in names(deleted))


async def alter(address: str, name: str, added: str, deleted: str) -> None:
    """Set and delete a user's credentials."""
    new, gone = _added(added), [_mechanism(one, "--delete-config") for one in names(deleted)]
    if not new and not gone:
        raise click.UsageError("--alter needs --add-config or --delete-config")
    if {one.mechanism for one in new} & set(gone):
        raise click.UsageError("--add-config and --delete-config name the same mechanism")
    async with connected(address) as link, AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        for mechanism in gone:
            try:
                await admin.delete_user_scram_credential(name, mechanism)
            except ResourceNotFoundError:
                raise CommandError(f"user {name}: not set, so not deleted: {mechanism.sasl_name}") from None
        for one in new:
            await admin.upsert_user_scram_credential(
                name, one.password, one.mechanism, iterations=one.iterations
            )
    click.echo(f"Completed updating config for user {name}.")


def _added(text: str) -> list[_New]:
    found: list[_New] = []
    at = 0
    while at < len(text):
        one = _ADDED.match(text, at)
        if one is None:
            # The text holds a password, so it is not repeated here.
            raise OptionError("--add-config for users takes SCRAM-SHA-256=[iterations=8192,password=...]")
        iterations = ITERATIONS_DEFAULT if one["iterations"] is None else int(one["iterations"])
        mechanism = _mechanism(one["mechanism"], "--add-config")
        if mechanism in {before.mechanism for before in found}:
            raise OptionError(f"--add-config names {mechanism.sasl_name} twice")
        found.append(_New(mechanism, iterations, Secret.of(one["password"])))
        at = one.end()
    return found


def _mechanism(name: str, option: str) -> ScramMechanism:
    if name not in _MECHANISMS:
        raise OptionError(f"{option}: users have {' and '.join(sorted(_MECHANISMS))}, nothing else")
    return _MECHANISMS[name]


def as_json(user: str, infos: list[ScramCredentialInfo]) -> dict[str, object]:
    """For programs."""
    return {
        "entity_type": "user",
        "entity_name": user,
        "configs": {one.mechanism.sasl_name: {"iterations": one.iterations} for one in infos},
    }
