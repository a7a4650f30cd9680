"""``streamz configs`` for users, clients and addresses: kafka-configs' way to quotas.

Owns: reading which entity is meant, and the tool's lines about quotas.
Must not know: what a quota limits, how it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from streamz_core.cli.config_list import changes
from streamz_core.cli.connection import CommandError, connected, refuse
from streamz_core.cli.options import OptionError, options
from streamz_core.protocol.messages.client_quotas import (
    AlterClientQuotasRequest,
    DescribeClientQuotasRequest,
    DescribedQuota,
    QuotaAlteration,
    QuotaEntityPart,
    QuotaFilterComponent,
    QuotaMatchType,
    QuotaOperation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.client.link import Link

USER: Final = "user"
KINDS: Final = {"users": USER, "clients": "client-id", "ips": "ip"}
"""The tool's types of entities, and what requests call them."""
_SHORT: Final = {"user": USER, "client": "client-id", "ip": "ip"}
_SAID: Final = {USER: "user-principal"}
DEFAULT: Final = ""
_ARGUMENTS: Final = "streamz_core.cli.quota_configs.arguments"


class Part(NamedTuple):
    """A user, client id or address by its name; ``DEFAULT``: all that have no quota of their own; None: any."""

    kind: str
    name: str | None


class InOrder(click.Command):
    """A command that remembers the order of its arguments: names belong to types by it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember them, and parse them as ever."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


quota_entities = options(
    click.option("--user", metavar="NAME", help="The same as --entity-type users --entity-name NAME."),
    click.option("--client", metavar="ID", help="The same as --entity-type clients --entity-name ID."),
    click.option("--ip", metavar="ADDRESS", help="The same as --entity-type ips --entity-name ADDRESS."),
    *(
        click.option(
            f"--{short}-defaults",
            is_flag=True,
            help=f"The same as --entity-type {short}s --entity-default.",
        )
        for short in _SHORT
    ),
)


def entity_of(context: click.Context, given: dict[str, Any]) -> list[Part]:
    """The users, clients and addresses that are named; none where the line is about something else."""
    found = [Part(kind, given[short]) for short, kind in _SHORT.items() if given[short] is not None]
    found += [Part(kind, DEFAULT) for short, kind in _SHORT.items() if given[f"{short}_defaults"]]
    if not found and not set(given["entity_type"]) & KINDS.keys():
        return []
    others = set(given["entity_type"]) - KINDS.keys()
    if others or given["topic"] or given["broker"] or given["broker_defaults"]:
        raise click.UsageError("name one entity: users and clients go together, and with nothing else")
    called = _names(context.meta[_ARGUMENTS])
    if len(called) > len(given["entity_type"]):
        raise click.UsageError("--entity-name and --entity-default go with an --entity-type each")
    called += [None] * (len(given["entity_type"]) - len(called))
    found += [Part(KINDS[kind], name) for kind, name in zip(given["entity_type"], called, strict=True)]
    if len({part.kind for part in found}) != len(found):
        raise click.UsageError("each type of entity is named once")
    return found


def _names(arguments: Sequence[str]) -> list[str | None]:
    """What ``--entity-name`` and ``--entity-default`` say, in their order."""
    found: list[str | None] = []
    for place, argument in enumerate(arguments):
        option, _, value = argument.partition("=")
        if option == "--entity-default":
            found.append(DEFAULT)
        elif option == "--entity-name":
            found.append(value if "=" in argument else arguments[place + 1])
    return found


async def described(link: Link, parts: Sequence[Part]) -> list[DescribedQuota]:
    """The quotas of exactly such entities."""
    request = DescribeClientQuotasRequest(components=[_component(part) for part in parts], strict=True)
    answer = await link.send(request)
    refuse(answer.error_code, answer.error_message, "quotas")
    return list(answer.entries or ())


def line(quota: DescribedQuota) -> str:
    """As kafka-configs prints it."""
    order = list(KINDS.values())
    parts = sorted(quota.entity, key=lambda part: order.index(part.entity_type))
    who = ", ".join(_said(part) for part in parts)
    values = ", ".join(f"{one.key}={one.value}" for one in quota.values)
    return f"Quota configs for {who} are {values}"


def as_json(quota: DescribedQuota) -> dict[str, object]:
    """For programs."""
    return {
        "entity": {part.entity_type: part.entity_name for part in quota.entity},
        "configs": {one.key: one.value for one in quota.values},
    }


async def alter(address: str, parts: Sequence[Part], given: dict[str, Any]) -> None:
    """Set and remove limits of one entity."""
    if any(part.name is None for part in parts):
        raise click.UsageError("--alter needs --entity-name or --entity-default for each --entity-type")
    operations = _operations(given)
    async with connected(address) as link:
        found = await described(link, parts)
        present = {value.key for quota in found for value in quota.values}
        unset = [one.key for one in operations if one.remove and one.key not in present]
        subject = " ".join(f"{part.kind} {part.name or '<default>'}" for part in parts)
        if unset:
            raise CommandError(f"{subject}: not set, so not deleted: {', '.join(unset)}")
        entity = [QuotaEntityPart(entity_type=part.kind, entity_name=part.name or None) for part in parts]
        request = AlterClientQuotasRequest(entries=[QuotaAlteration(entity=entity, ops=operations)])
        (answer,) = (await link.send(request)).entries
        refuse(answer.error_code, answer.error_message, subject)
    click.echo(_done(parts[0]))


def _operations(given: dict[str, Any]) -> list[QuotaOperation]:
    added, deleted = changes(given)
    if both := added.keys() & set(deleted):
        raise click.UsageError(f"--add-config and --delete-config both name {', '.join(sorted(both))}")
    return [QuotaOperation(key=key, value=_number(key, text)) for key, text in added.items()] + [
        QuotaOperation(key=key, value=0.0, remove=True) for key in dict.fromkeys(deleted)
    ]


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"--add-config {key}: expected a number, got {text!r}") from None


def _component(part: Part) -> QuotaFilterComponent:
    if part.name is None:
        return QuotaFilterComponent(entity_type=part.kind, match_type=QuotaMatchType.SPECIFIED, match=None)
    if part.name == DEFAULT:
        return QuotaFilterComponent(entity_type=part.kind, match_type=QuotaMatchType.DEFAULT, match=None)
    return QuotaFilterComponent(entity_type=part.kind, match_type=QuotaMatchType.EXACT, match=part.name)


def _said(part: QuotaEntityPart) -> str:
    kind = _SAID.get(part.entity_type, part.entity_type)
    return f"the default {kind}" if part.entity_name is None else f"{kind} '{part.entity_name}'"


def _done(part: Part) -> str:
    plural = next(name for name, kind in KINDS.items() if kind == part.kind)
    if part.name:
        return f"Completed updating config for {plural.removesuffix('s')} {part.name}."
    return f"Completed updating default config for {plural} in the cluster."
