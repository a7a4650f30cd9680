"""``streamz configs``: kafka-configs' flags and output.

Owns: the verb's options and what it does and prints.
Must not know: which settings there are, and what they mean.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from streamz_core.cli import quota_configs, user_configs
from streamz_core.cli.actions import actions
from streamz_core.cli.config_list import changes
from streamz_core.cli.connection import CommandError, admin_options, connected, refuse, run
from streamz_core.cli.foreign_options import refused
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options
from streamz_core.cli.quota_configs import DEFAULT
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsResource,
    ConfigOperation,
    ConfigResourceType,
    ConfigSource,
    DescribeConfigsEntry,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)
from streamz_core.protocol.messages.metadata import MetadataRequest

if TYPE_CHECKING:
    from streamz_core.cli.quota_configs import Part
    from streamz_core.client.link import Link

_TYPES: Final = {"topics": ConfigResourceType.TOPIC, "brokers": ConfigResourceType.BROKER}
_REFUSED: Final = {
    "broker-loggers": "log levels are set where the broker is started, not at run time",
    "client-metrics": "clients are asked for no metrics",
    "groups": "groups have no settings of their own; those of the broker hold for all: --entity-type brokers",
}
_DYNAMIC: Final = (
    ConfigSource.DYNAMIC_TOPIC_CONFIG,
    ConfigSource.DYNAMIC_BROKER_CONFIG,
    ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG,
)


class _Entity(NamedTuple):
    """A topic, a broker, or with the name "" all brokers."""

    type: ConfigResourceType
    name: str

    @property
    def said(self) -> str:
        """As kafka-configs speaks of it."""
        return f"{self.type.name.lower()} {self.name}"


_actions = options(
    actions(describe="List settings.", alter="Change settings."),
    click.option(
        "--all", "with_all", is_flag=True, help="With --describe: also what was never set, with its default."
    ),
)
_entities = options(
    click.option(
        "--entity-type",
        type=click.Choice(sorted([*_TYPES, *quota_configs.KINDS, *_REFUSED])),
        metavar="|".join(sorted([*_TYPES, *quota_configs.KINDS])),
        multiple=True,
        help="What they belong to; users and clients may be given together.",
    ),
    click.option(
        "--entity-name",
        metavar="NAME",
        multiple=True,
        help="The topic, user, client id or address, or the broker's id, which is 0; one for each type.",
    ),
    click.option(
        "--entity-default", is_flag=True, help="All brokers; or users, client ids, addresses without an own."
    ),
    click.option(
        "--topic",
        shell_complete=topic_names,
        metavar="NAME",
        help="The same as --entity-type topics --entity-name NAME.",
    ),
    click.option("--broker", metavar="ID", help="The same as --entity-type brokers --entity-name ID."),
    click.option(
        "--broker-defaults", is_flag=True, help="The same as --entity-type brokers --entity-default."
    ),
    quota_configs.quota_entities,
    refused("--group", because=_REFUSED["groups"]),
    refused("--client-metrics", because=_REFUSED["client-metrics"]),
    refused("--broker-logger", because=_REFUSED["broker-loggers"]),
    refused("--bootstrap-controller", because="there is no controller to talk to; take --bootstrap-server"),
)
_changes = options(
    click.option(
        "--add-config",
        "added",
        default="",
        metavar="K=V,K=[V,V]",
        help="With --alter: settings to set; a value with commas stands in brackets.",
    ),
    click.option(
        "--add-config-file", "file", metavar="FILE", help="With --alter: the same, a properties file."
    ),
    click.option(
        "--delete-config", "deleted", default="", metavar="K,K", help="With --alter: back to the default."
    ),
)


@click.command("configs", cls=quota_configs.InOrder)
@admin_options
@_actions
@_entities
@_changes
@click.option("--json", "as_json", is_flag=True, help="With --describe: print JSON.")
@click.pass_context
def command(ctx: click.Context, /, action: str, address: str, **given: Any) -> None:
    """Describe and change the settings of topics and of the broker, quotas of users, clients and addresses, and
    users' SCRAM credentials, at run time.
    """
    for kind_name in given["entity_type"]:
        if kind_name in _REFUSED:
            raise OptionError(f"--entity-type {kind_name}: {_REFUSED[kind_name]}")
    if action == "describe" and (given["added"] or given["file"] or given["deleted"]):
        raise click.UsageError("--add-config, --add-config-file and --delete-config go with --alter")
    if parts := quota_configs.entity_of(ctx, given):
        run((_describe_clients if action == "describe" else _alter_clients)(address, parts, given))
        return
    kind, name = _entity(given)
    if action == "describe":
        run(_describe(address, kind, name, given))
        return
    if name is None:
        raise click.UsageError("--alter needs --entity-name, or --entity-default for all brokers")
    run(_alter(address, _Entity(kind, name), _asked(given)))


async def _describe_clients(address: str, parts: list[Part], given: dict[str, Any]) -> None:
    """Quotas, and of users also how they log in."""
    async with connected(address) as link:
        quotas = await quota_configs.described(link, parts)
        is_of_users = [part.kind for part in parts] == [quota_configs.USER] and parts[0].name != DEFAULT
        users = await user_configs.described(link, parts[0].name) if is_of_users else {}
    if given["as_json"]:
        found = [quota_configs.as_json(one) for one in quotas]
        found += [user_configs.as_json(user, infos) for user, infos in users.items()]
        click.echo(json.dumps(found, indent=2))
        return
    for quota in quotas:
        click.echo(quota_configs.line(quota))
    for user, infos in users.items():
        click.echo(user_configs.line(user, infos))


async def _alter_clients(address: str, parts: list[Part], given: dict[str, Any]) -> None:
    if not user_configs.are_meant(given["added"], given["deleted"]):
        await quota_configs.alter(address, parts, given)
        return
    if len(parts) > 1 or parts[0].kind != quota_configs.USER or not parts[0].name:
        raise click.UsageError("credentials are those of one user: --entity-type users with --entity-name")
    if given["file"]:
        raise click.UsageError("credentials are in no --add-config-file: streamz users add reads a password")
    await user_configs.alter(address, parts[0].name, given["added"], given["deleted"])


def _entity(given: dict[str, Any]) -> tuple[ConfigResourceType, str | None]:
    """The type and the name; None where no name is given."""
    entity_type = next(iter(given["entity_type"]), None)
    entity_name = next(iter(given["entity_name"]), None)
    if given["entity_default"] and (entity_type != "brokers" or entity_name):
        raise click.UsageError(
            "--entity-default goes with an --entity-type but topics, without --entity-name"
        )
    short = [
        (ConfigResourceType.TOPIC, given["topic"]),
        (ConfigResourceType.BROKER, given["broker"]),
        (ConfigResourceType.BROKER, "" if given["broker_defaults"] else None),
    ]
    named = [way for way in short if way[1] is not None]
    if entity_type:
        named.append((_TYPES[entity_type], "" if given["entity_default"] else entity_name))
    if len(named) != 1 or max(len(given["entity_type"]), len(given["entity_name"])) > 1:
        raise click.UsageError("name one entity: --entity-type with --entity-name, or --topic, or --broker")
    return named[0]


def _asked(given: dict[str, Any]) -> list[AlterableConfig]:
    added, deleted = changes(given)
    return [AlterableConfig(name=key, value=value) for key, value in added.items()] + [
        AlterableConfig(name=key, value=None, config_operation=ConfigOperation.DELETE) for key in deleted
    ]


async def _alter(address: str, entity: _Entity, asked: list[AlterableConfig]) -> None:
    async with connected(address) as link:
        present = {entry.name for entry in await _entries(link, entity) if entry.config_source in _DYNAMIC}
        deleted = [one.name for one in asked if one.config_operation is ConfigOperation.DELETE]
        unset = [name for name in deleted if name not in present]
        if unset:
            raise CommandError(f"{entity.said}: not set, so not deleted: {', '.join(unset)}")
        resource = AlterConfigsResource(resource_type=entity.type, resource_name=entity.name, configs=asked)
        (answer,) = (await link.send(IncrementalAlterConfigsRequest(resources=[resource]))).responses
        refuse(answer.error_code, answer.error_message, entity.said)
    click.echo(
        f"Completed updating config for {entity.said}."
        if entity.name
        else "Completed updating default config for brokers in the cluster."
    )


async def _describe(address: str, kind: ConfigResourceType, name: str | None, given: dict[str, Any]) -> None:
    async with connected(address) as link:
        entities = [_Entity(kind, name)] if name is not None else await _all(link, kind)
        described = [(entity, await _entries(link, entity)) for entity in entities]
    chosen = [
        (entity, [one for one in entries if given["with_all"] or _is_own(entity, one)])
        for entity, entries in described
    ]
    if given["as_json"]:
        click.echo(json.dumps([_as_json(entity, entries) for entity, entries in chosen], indent=2))
        return
    for entity, entries in chosen:
        click.echo(_headline(entity, with_all=given["with_all"]))
        for entry in entries:
            click.echo(_line(entry))


async def _all(link: Link, kind: ConfigResourceType) -> list[_Entity]:
    response = await link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
    if kind is ConfigResourceType.TOPIC:
        return [_Entity(kind, topic.name) for topic in response.topics]
    return [*(_Entity(kind, str(broker.node_id)) for broker in response.brokers), _Entity(kind, "")]


async def _entries(link: Link, entity: _Entity) -> list[DescribeConfigsEntry]:
    resource = DescribeConfigsResource(resource_type=entity.type, resource_name=entity.name)
    request = DescribeConfigsRequest(resources=[resource], include_synonyms=True)
    (result,) = (await link.send(request)).results
    refuse(result.error_code, result.error_message, entity.said)
    return result.configs


def _is_own(entity: _Entity, entry: DescribeConfigsEntry) -> bool:
    """Whether it was set on the entity itself, or for a broker on anything that can be changed."""
    if entity.type is ConfigResourceType.TOPIC:
        return entry.config_source is ConfigSource.DYNAMIC_TOPIC_CONFIG
    return entry.config_source in _DYNAMIC


def _headline(entity: _Entity, *, with_all: bool) -> str:
    if not entity.name:
        return "Default configs for brokers in the cluster are:"
    return f"{'All' if with_all else 'Dynamic'} configs for {entity.said} are:"


def _line(entry: DescribeConfigsEntry) -> str:
    synonyms = ", ".join(f"{one.source.name}:{one.name}={one.value}" for one in entry.synonyms)
    return f"  {entry.name}={entry.value} sensitive={str(entry.is_sensitive).lower()} synonyms={{{synonyms}}}"


def _as_json(entity: _Entity, entries: list[DescribeConfigsEntry]) -> dict[str, Any]:
    return {
        "entity_type": entity.type.name.lower(),
        "entity_name": entity.name or None,
        "configs": {
            one.name: {
                "value": one.value,
                "source": one.config_source.name,
                "read_only": one.read_only,
                "type": one.config_type.name.lower(),
            }
            for one in entries
        },
    }
