"""``streamz configs``: kafka-configs' flags and output.

Owns: the verb's options and what it does and prints.
Must not know: which settings there are, and what they mean.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from streamz_core.cli import user_configs
from streamz_core.cli.actions import actions
from streamz_core.cli.config_list import names, settings
from streamz_core.cli.connection import CommandError, admin_options, connected, refuse, run
from streamz_core.cli.foreign_options import refused
from streamz_core.cli.names_there import topic_names
from streamz_core.cli.options import OptionError, options, properties
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
    from streamz_core.client.link import Link

_USERS: Final = "users"
_TYPES: Final = {"topics": ConfigResourceType.TOPIC, "brokers": ConfigResourceType.BROKER}
_NO_QUOTAS: Final = "this broker enforces no quotas; the limits of its listener bound what clients may cost"
_REFUSED: Final = {
    "broker-loggers": "log levels are set where the broker is started, not at run time",
    "client-metrics": "clients are asked for no metrics",
    "clients": _NO_QUOTAS,
    "groups": "groups have no settings of their own; those of the broker hold for all: --entity-type brokers",
    "ips": _NO_QUOTAS,
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
        type=click.Choice(sorted([*_TYPES, _USERS, *_REFUSED])),
        metavar=f"[{'|'.join(sorted([*_TYPES, _USERS]))}]",
        help="What they belong to.",
    ),
    click.option(
        "--entity-name", metavar="NAME", help="The topic, the user, or the broker's id, which is 0."
    ),
    click.option("--entity-default", is_flag=True, help="With --entity-type brokers: all brokers."),
    click.option(
        "--topic",
        shell_complete=topic_names,
        metavar="NAME",
        help="The same as --entity-type topics --entity-name NAME.",
    ),
    click.option("--broker", metavar="ID", help="The same as --entity-type brokers --entity-name ID."),
    click.option("--user", metavar="NAME", help="The same as --entity-type users --entity-name NAME."),
    click.option(
        "--broker-defaults", is_flag=True, help="The same as --entity-type brokers --entity-default."
    ),
    refused("--client", "--ip", because=_NO_QUOTAS),
    refused("--client-defaults", "--ip-defaults", "--user-defaults", because=_NO_QUOTAS, is_flag=True),
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


@click.command("configs")
@admin_options
@_actions
@_entities
@_changes
@click.option("--json", "as_json", is_flag=True, help="With --describe: print JSON.")
def command(action: str, address: str, **given: Any) -> None:
    """Describe and change the settings of topics and of the broker, and users' SCRAM credentials, at run time."""
    if given["entity_type"] in _REFUSED:
        raise OptionError(f"--entity-type {given['entity_type']}: {_REFUSED[given['entity_type']]}")
    if given["user"] is not None or given["entity_type"] == _USERS:
        run(_users(action, address, given))
        return
    kind, name = _entity(given)
    if action == "describe":
        if given["added"] or given["file"] or given["deleted"]:
            raise click.UsageError("--add-config, --add-config-file and --delete-config go with --alter")
        run(_describe(address, kind, name, given))
        return
    if name is None:
        raise click.UsageError("--alter needs --entity-name, or --entity-default for all brokers")
    run(_alter(address, _Entity(kind, name), _asked(given)))


async def _users(action: str, address: str, given: dict[str, Any]) -> None:
    if given["topic"] or given["broker"] or given["broker_defaults"] or given["entity_default"]:
        raise click.UsageError("name one entity: --entity-type users with --entity-name, or --user")
    if given["user"] is not None and (given["entity_type"] or given["entity_name"]):
        raise click.UsageError("--user and --entity-type exclude each other")
    name = given["user"] or given["entity_name"]
    if action == "describe":
        await user_configs.describe(address, name, as_json=given["as_json"])
        return
    if not name:
        raise click.UsageError("--alter needs --entity-name")
    if given["file"]:
        raise click.UsageError(
            "users have no --add-config-file: streamz users add reads a password from a file"
        )
    await user_configs.alter(address, name, given["added"], given["deleted"])


def _entity(given: dict[str, Any]) -> tuple[ConfigResourceType, str | None]:
    """The type and the name; None where no name is given."""
    if given["entity_default"] and (given["entity_type"] != "brokers" or given["entity_name"]):
        raise click.UsageError("--entity-default goes with --entity-type brokers, without --entity-name")
    short = [
        (ConfigResourceType.TOPIC, given["topic"]),
        (ConfigResourceType.BROKER, given["broker"]),
        (ConfigResourceType.BROKER, "" if given["broker_defaults"] else None),
    ]
    named = [way for way in short if way[1] is not None]
    if given["entity_type"]:
        name = "" if given["entity_default"] else given["entity_name"]
        named.append((_TYPES[given["entity_type"]], name))
    if len(named) != 1:
        raise click.UsageError("name one entity: --entity-type with --entity-name, or --topic, or --broker")
    return named[0]


def _asked(given: dict[str, Any]) -> list[AlterableConfig]:
    if given["added"] and given["file"]:
        raise click.UsageError("--add-config and --add-config-file exclude each other")
    added = settings(given["added"], "--add-config") | properties(
        given["file"], (), file_option="--add-config-file", option=""
    )
    deleted = names(given["deleted"])
    if not added and not deleted:
        raise click.UsageError("--alter needs --add-config, --add-config-file or --delete-config")
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
